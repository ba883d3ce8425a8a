import { ratioText, title, type Results } from './results.ts';
import { ON_NODE, STANDALONE } from './tools.ts';

const BAR_HEIGHT = 16;
/** At least: the longest label and note must fit. */
const LABEL_WIDTH = 170;
const NOTE_WIDTH = 110;
const BAR_WIDTH = 300;
const CHARACTER_WIDTH = 6.2;
const TITLE_HEIGHT = 34;

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** What is written beside it. */
  readonly note: string;
  readonly fill: string;
}

/** Bars that are compared with each other. */
export interface Panel {
  readonly title: string;
  readonly column: number;
  readonly row: number;
  readonly bars: readonly Bar[];
}

/** All comparisons as bar charts of the wall time, one panel each: a column for each round trip time. */
export function plotOf({ date, machine, comparisons }: Results): string {
  const columns = [...new Set(comparisons.map(({ roundTripMs }) => roundTripMs))];
  const sizes = [...new Set(comparisons.map(({ secrets }) => secrets))];
  const panels = comparisons.map((comparison) => ({
    title: title(comparison),
    column: columns.indexOf(comparison.roundTripMs),
    row: sizes.indexOf(comparison.secrets),
    bars: comparison.rows.map(({ tool, wallMs, toGo, rssMb }) => ({
      label: tool,
      value: wallMs,
      note: `${wallMs.toFixed(0)} (${toGo === undefined ? '' : `${ratioText({ toGo })} × Go, `}${rssMb.toFixed(0)} MB)`,
      fill: fillOf(tool),
    })),
  }));
  const head = `wall time in ms, ${date.slice(0, 10)}, ${machine['cpu'] ?? ''}, ${machine['server'] ?? ''}`;
  return barChart(head, panels);
}

export function fillOf(tool: string): string {
  return tool === STANDALONE ? '#1b6e3c' : tool === ON_NODE ? '#5aa777' : '#b9bec6';
}

/** Panels of bars, in a grid, under a line of text. */
export function barChart(head: string, panels: readonly Panel[]): string {
  const most = Math.max(...panels.map(({ bars }) => bars.length));
  const panelHeight = TITLE_HEIGHT + most * (BAR_HEIGHT + 4) + 12;
  const bars = panels.flatMap((panel) => panel.bars);
  const labelWidth = widthOf(
    bars.map(({ label }) => label),
    LABEL_WIDTH,
  );
  const panelWidth =
    labelWidth +
    BAR_WIDTH +
    widthOf(
      bars.map(({ note }) => note),
      NOTE_WIDTH,
    );
  const drawn = panels.map((panel) => {
    const x = panel.column * panelWidth;
    const y = 40 + panel.row * panelHeight;
    return `<g transform="translate(${String(x)} ${String(y)})">${draw(panel, labelWidth)}</g>`;
  });
  const width = (1 + Math.max(...panels.map(({ column }) => column))) * panelWidth;
  const height = 50 + (1 + Math.max(...panels.map(({ row }) => row))) * panelHeight;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${String(width)}" height="${String(height)}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="10" y="22" font-size="14">${escape(head)}</text>
${drawn.join('\n')}
</svg>
`;
}

function widthOf(texts: readonly string[], least: number): number {
  return Math.ceil(Math.max(least, ...texts.map(({ length }) => length * CHARACTER_WIDTH)));
}

function draw({ title: heading, bars }: Panel, labelWidth: number): string {
  const longest = Math.max(...bars.map(({ value }) => value));
  const drawn = bars.map(({ label, value, note, fill }, index) => {
    const y = TITLE_HEIGHT + index * (BAR_HEIGHT + 4);
    const width = Math.max(1, (BAR_WIDTH * value) / longest);
    return [
      text(labelWidth - 6, y + 12, label, 'end'),
      `<rect x="${String(labelWidth)}" y="${String(y)}" width="${width.toFixed(1)}" height="${String(BAR_HEIGHT)}" fill="${fill}"/>`,
      text(labelWidth + width + 5, y + 12, note, 'start'),
    ].join('');
  });
  return `${text(10, 22, heading, 'start')}${drawn.join('\n')}`;
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end'): string {
  return `<text x="${x.toFixed(1)}" y="${String(y)}" text-anchor="${anchor}" fill="#222">${escape(content)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
