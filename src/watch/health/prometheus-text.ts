import { VERSION } from '../../base/version.ts';

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;
/** One line; without a value it is left out. The suffix is of the parts of a histogram. */
export type Sample = readonly [value: number | undefined, labels?: Labels | undefined, suffix?: string];

export interface Metric<Status> {
  /** Without `vaultonce_`. */
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly samples: (status: Status) => readonly Sample[];
}

/** All metrics in the text format of Prometheus 0.0.4. Pure. */
export function prometheusText<Status>(metrics: readonly Metric<Status>[], status: Status): string {
  return metrics
    .map(({ name, type, help, samples }) => {
      const lines = samples(status).flatMap(([value, labels, suffix = '']) =>
        value === undefined ? [] : [`vaultonce_${name}${suffix}${labelsText(labels)} ${String(value)}\n`],
      );
      const head = `# HELP vaultonce_${name} ${help}\n# TYPE vaultonce_${name} ${type}\n`;
      return lines.length === 0 ? '' : `${head}${lines.join('')}`;
    })
    .join('');
}

/** A metric of one line. */
export function one<Status>(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  valueOf: (status: Status) => number | undefined,
  labels?: Labels,
): Metric<Status> {
  return { name, type, help, samples: (status) => [[valueOf(status), labels]] };
}

/** What runs. */
export const BUILD_INFO: Metric<unknown> = one(
  'build_info',
  'gauge',
  'Always 1; the labels say what runs.',
  () => 1,
  { version: VERSION, runtime: process.versions['bun'] === undefined ? 'node' : 'bun' },
);

function labelsText(labels: Labels = {}): string {
  const texts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return texts.length === 0 ? '' : `{${texts.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
