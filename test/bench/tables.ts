import { markdownOf, type Table } from './markdown.ts';
import { ratioText, type Comparison, type Results, type Row } from './results.ts';
import { IN_GO, ON_NODE, STANDALONE } from './tools.ts';

type Job = Pick<Comparison, 'secrets' | 'roundTripMs'>;

const PLAIN = [1, 10, 100].map((secrets): Job => ({ secrets, roundTripMs: undefined }));
const NEAR = [1, 10, 100, 1000].map((secrets): Job => ({ secrets, roundTripMs: 5 }));
const USUAL: Job = { secrets: 10, roundTripMs: 5 };
const LARGE: Job = { secrets: 1000, roundTripMs: 5 };
/** The jobs that have a column. */
const SHOWN: readonly Job[] = [...PLAIN, ...NEAR, { secrets: 10, roundTripMs: 20 }];

/** What the project's README compares, how it says that, and whether a token is left. */
const EXCERPT: readonly (readonly [tool: string, label: string, leavesToken: string])[] = [
  [STANDALONE, '**vaultonce**, standalone', 'no'],
  [ON_NODE, '**vaultonce**, Node', 'no'],
  ['bao agent', '`bao agent`, one-shot', 'yes'],
  ['vals', '`vals`', 'yes'],
  ['consul-template', '`consul-template`, no login', 'given one'],
];

/** The tables of the two READMEs, as Markdown. */
export function tablesOf(results: Results): string {
  const toGo = goTable(results);
  return [
    'For the README of the project; × Go is the wall time as a multiple of that of a Go program that only makes the requests:',
    markdownOf(excerpt(results)),
    'For that of the benchmark, wall ms:',
    markdownOf(wallTable(results)),
    ...(toGo === undefined
      ? []
      : [`And as multiples of _${IN_GO}_, medians of the ratios in each turn:`, markdownOf(toGo)]),
  ].join('\n\n');
}

/** Ten secrets over TLS, 5 ms. */
export function excerpt(results: Results): Table {
  const known = goTable(results) === undefined ? [] : ['× Go'];
  const rows = EXCERPT.flatMap(([tool, label, leavesToken]) => {
    const row = rowIn(results, USUAL, tool);
    if (row === undefined) return [];
    const counts = [row.requests, row.connections].map(String);
    return [
      [
        label,
        row.wallMs.toFixed(0),
        ...known.map(() => ratioText(row)),
        row.rssMb.toFixed(0),
        ...counts,
        leavesToken,
      ],
    ];
  });
  return {
    header: ['', 'Wall ms', ...known, 'Memory MB', 'Requests', 'Connections', 'Leaves a token'],
    rows,
  };
}

export function wallTable(results: Results): Table {
  const shown = jobsIn(results);
  return {
    header: ['', ...shown.map(jobText), 'MB 10', 'MB 1000', 'requests', 'connections'],
    rows: toolsIn(results).map((tool) => {
      const [usual, large] = [USUAL, LARGE].map((job) => rowIn(results, job, tool));
      return [
        labelOf(tool),
        ...shown.map((job) => rowIn(results, job, tool)?.wallMs.toFixed(0) ?? ''),
        ...[usual, large].map((row) => row?.rssMb.toFixed(0) ?? ''),
        // An empty script has none.
        ...[usual?.requests, usual?.connections].map((count) => (count === 0 ? '' : String(count ?? ''))),
      ];
    }),
  };
}

/** @returns undefined: there was no Go program */
export function goTable(results: Results): Table | undefined {
  if (!results.comparisons.some(({ rows }) => rows.some(({ toGo }) => toGo !== undefined))) return undefined;
  const shown = jobsIn(results);
  return {
    header: ['× Go', ...shown.map(jobText)],
    rows: toolsIn(results).map((tool) => [
      labelOf(tool),
      ...shown.map((job) => {
        const row = rowIn(results, job, tool);
        return row === undefined ? '' : ratioText(row);
      }),
    ]),
  };
}

function jobsIn(results: Results): readonly Job[] {
  return SHOWN.filter((job) => comparisonOf(results, job) !== undefined);
}

function toolsIn({ comparisons }: Results): readonly string[] {
  return [...new Set(comparisons.flatMap(({ rows }) => rows.map(({ tool }) => tool)))];
}

function comparisonOf({ comparisons }: Results, { secrets, roundTripMs }: Job): Comparison | undefined {
  return comparisons.find((one) => one.secrets === secrets && one.roundTripMs === roundTripMs);
}

function rowIn(results: Results, job: Job, tool: string): Row | undefined {
  return comparisonOf(results, job)?.rows.find((row) => row.tool === tool);
}

function jobText({ secrets, roundTripMs }: Job): string {
  return `${roundTripMs === undefined ? 'plain' : `${String(roundTripMs)} ms`} ${String(secrets)}`;
}

function labelOf(tool: string): string {
  return tool === ON_NODE || tool === STANDALONE ? `**${tool}**` : tool;
}
