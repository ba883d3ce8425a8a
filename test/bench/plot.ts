import { title, type Comparison, type Results } from './results.ts';
import { ON_NODE, STANDALONE } from './tools.ts';

const BAR_HEIGHT = 16;
const LABEL_WIDTH = 170;
const BAR_WIDTH = 300;
const PANEL_WIDTH = LABEL_WIDTH + BAR_WIDTH + 110;
const TITLE_HEIGHT = 34;

/** All comparisons as bar charts of the wall time, one panel each: a column for each round trip time. */
export function plotOf({ date, machine, comparisons }: Results): string {
  const columns = [...new Set(comparisons.map(({ roundTripMs }) => roundTripMs))];
  const sizes = [...new Set(comparisons.map(({ secrets }) => secrets))];
  const tools = Math.max(...comparisons.map(({ rows }) => rows.length));
  const panelHeight = TITLE_HEIGHT + tools * (BAR_HEIGHT + 4) + 12;
  const panels = comparisons.map((comparison) => {
    const x = columns.indexOf(comparison.roundTripMs) * PANEL_WIDTH;
    const y = 40 + sizes.indexOf(comparison.secrets) * panelHeight;
    return `<g transform="translate(${String(x)} ${String(y)})">${panel(comparison)}</g>`;
  });
  const width = columns.length * PANEL_WIDTH;
  const height = 50 + sizes.length * panelHeight;
  const head = `wall time in ms, ${date.slice(0, 10)}, ${machine['cpu'] ?? ''}, ${machine['server'] ?? ''}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${String(width)}" height="${String(height)}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="10" y="22" font-size="14">${escape(head)}</text>
${panels.join('\n')}
</svg>
`;
}

function panel(comparison: Comparison): string {
  const longestMs = Math.max(...comparison.rows.map(({ wallMs }) => wallMs));
  const bars = comparison.rows.map(({ tool, wallMs, rssMb }, index) => {
    const y = TITLE_HEIGHT + index * (BAR_HEIGHT + 4);
    const width = Math.max(1, (BAR_WIDTH * wallMs) / longestMs);
    const fill = tool === STANDALONE ? '#1b6e3c' : tool === ON_NODE ? '#5aa777' : '#b9bec6';
    return [
      text(LABEL_WIDTH - 6, y + 12, tool, 'end'),
      `<rect x="${String(LABEL_WIDTH)}" y="${String(y)}" width="${width.toFixed(1)}" height="${String(BAR_HEIGHT)}" fill="${fill}"/>`,
      text(LABEL_WIDTH + width + 5, y + 12, `${wallMs.toFixed(0)} (${rssMb.toFixed(0)} MB)`, 'start'),
    ].join('');
  });
  return `${text(10, 22, title(comparison), 'start')}${bars.join('\n')}`;
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end'): string {
  return `<text x="${x.toFixed(1)}" y="${String(y)}" text-anchor="${anchor}" fill="#222">${escape(content)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
