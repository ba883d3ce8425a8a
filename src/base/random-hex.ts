/** Eight hexadecimal digits. @param random in [0, 1) */
export function randomHex(random: () => number): string {
  return Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0');
}
