/**
 * What yaml.v3 takes for a timestamp: a date, a date and a time with its zone, or after a blank one without.
 * https://github.com/go-yaml/yaml/blob/v3.0.1/resolve.go
 */
const TIMESTAMP =
  /^(?<date>\d{4}-\d{1,2}-\d{1,2})(?:(?<at>[Tt ])(?<time>\d{1,2}:\d{1,2}:\d{1,2})(?:[.,](?<fraction>\d+))?(?<zone>Z|[+-]\d\d:\d\d)?)?$/;

/** A timestamp as Go writes it in JSON, by RFC 3339. Undefined: it is none. */
export function timestampOf(text: string): string | undefined {
  const groups = TIMESTAMP.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const [date, clock] = [numbersOf(groups['date'], '-'), numbersOf(groups['time'] ?? '0:0:0', ':')];
  const zone = groups['zone'];
  // There is one after a `T`, and only there.
  const hasZone = /^[Tt]/.test(groups['at'] ?? '');
  if (hasZone !== (zone !== undefined) || !isDate(date) || !isClock(clock) || !isZone(zone)) return undefined;
  const written = [...padded(date.slice(0, 1), 4), ...padded(date.slice(1))].join('-');
  return `${written}T${padded(clock).join(':')}${fractionOf(groups['fraction'])}${offsetOf(zone)}`;
}

function numbersOf(text: string | undefined, separator: string): number[] {
  return (text ?? '').split(separator).map(Number);
}

/** To a nanosecond. */
function fractionOf(digits = ''): string {
  const kept = digits.slice(0, 9).replace(/0+$/, '');
  return kept === '' ? '' : `.${kept}`;
}

function offsetOf(zone = 'Z'): string {
  return zone.endsWith('00:00') ? 'Z' : zone;
}

function isDate([year = 0, month = 0, day = 0]: readonly number[]): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
}

function isClock([hour = 0, minute = 0, second = 0]: readonly number[]): boolean {
  return hour <= 23 && minute <= 59 && second <= 59;
}

function daysIn(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (month === 2) return isLeap ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function isZone(zone = 'Z'): boolean {
  return zone === 'Z' || (Number(zone.slice(1, 3)) <= 24 && Number(zone.slice(4)) <= 60);
}

function padded(numbers: readonly number[], length = 2): string[] {
  return numbers.map((value) => String(value).padStart(length, '0'));
}
