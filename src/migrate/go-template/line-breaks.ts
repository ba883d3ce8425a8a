import { textPiece, type Piece } from './pieces.ts';

type Node =
  | { readonly kind: 'piece'; readonly piece: Piece }
  | { readonly kind: 'section'; readonly open: Open; readonly close: Piece; readonly inner: readonly Node[] };
type Open = Extract<Piece, { kind: 'open' }>;

/**
 * Moves line breaks at the start of sections behind their text, where that renders the same: `a{{#x}}\nb{{/x}}\n` is
 * `a\n{{#x}}b\n{{/x}}`, however often the section renders. Then tags stand on lines of their own.
 */
export function withLineBreaksMoved(pieces: readonly Piece[]): readonly Piece[] {
  return flat(moved(treeOf(pieces)));
}

function treeOf(pieces: readonly Piece[]): readonly Node[] {
  const levels: { open: Open | undefined; nodes: Node[] }[] = [{ open: undefined, nodes: [] }];
  for (const piece of pieces) {
    const level = levels.at(-1);
    if (piece.kind === 'open') levels.push({ open: piece, nodes: [] });
    else if (piece.kind === 'close' && level?.open !== undefined) {
      levels.pop();
      levels.at(-1)?.nodes.push({ kind: 'section', open: level.open, close: piece, inner: level.nodes });
    } else level?.nodes.push({ kind: 'piece', piece });
  }
  return levels[0]?.nodes ?? [];
}

function flat(nodes: readonly Node[]): readonly Piece[] {
  return nodes.flatMap((node) =>
    node.kind === 'piece' ? [node.piece] : [node.open, ...flat(node.inner), node.close],
  );
}

function moved(nodes: readonly Node[]): readonly Node[] {
  const joined = joinTexts(
    nodes.map((node) => (node.kind === 'piece' ? node : { ...node, inner: moved(node.inner) })),
  );
  const result: Node[] = [];
  for (let at = 0; at < joined.length;) {
    const end = endOfRun(joined, at);
    if (end > at && joined.slice(at, end).every(startsLine) && textAt(joined, end).startsWith('\n')) {
      result.push(
        text('\n'),
        ...joined.slice(at, end).map(withBreakBehind),
        text(textAt(joined, end).slice(1)),
      );
      at = end + 1;
    } else {
      result.push(...joined.slice(at, Math.max(end, at + 1)));
      at = Math.max(end, at + 1);
    }
  }
  return joinTexts(result);
}

/** Behind the sections that follow each other from here. */
function endOfRun(nodes: readonly Node[], from: number): number {
  let end = from;
  while (nodes[end]?.kind === 'section') end += 1;
  return end;
}

/** A section that is no encoding and whose text starts with a line break. */
function startsLine(node: Node): boolean {
  return (
    node.kind === 'section' && !node.open.name().startsWith('@') && textAt(node.inner, 0).startsWith('\n')
  );
}

function withBreakBehind(node: Node): Node {
  if (node.kind === 'piece') return node;
  const [, ...rest] = node.inner;
  return { ...node, inner: joinTexts([text(textAt(node.inner, 0).slice(1)), ...rest, text('\n')]) };
}

function text(content: string): Node {
  return { kind: 'piece', piece: textPiece(content) };
}

function textAt(nodes: readonly Node[], index: number): string {
  const node = nodes[index];
  return node?.kind === 'piece' && node.piece.kind === 'text' ? node.piece.text : '';
}

function joinTexts(nodes: readonly Node[]): readonly Node[] {
  const joined: Node[] = [];
  for (const [index, node] of nodes.entries()) {
    if (node.kind !== 'piece' || node.piece.kind !== 'text') {
      joined.push(node);
      continue;
    }
    const before = textAt(joined, joined.length - 1);
    const content = before + textAt(nodes, index);
    if (before !== '') joined.pop();
    if (content !== '') joined.push(text(content));
  }
  return joined;
}
