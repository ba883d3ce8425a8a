/** What is wrong with a server, in one line that says what to do: a stack would only hide it. */
export class SetupFault extends Error {
  override readonly name = 'SetupFault';
}

/** The line of a program's output that says most: the last one about an error, else the last one. */
export function tellingLine(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const line = lines.findLast((one) => /error|cannot|denied|failed/i.test(one)) ?? lines.at(-1);
  return (line ?? 'it printed nothing').trim().slice(0, 300);
}
