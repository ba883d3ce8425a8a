/** What a function of C takes and returns, as Bun names it: https://bun.com/docs/runtime/ffi */
interface Signature {
  readonly args: readonly string[];
  readonly returns: string;
}

type Argument = number | Uint8Array | null;

/** The part of Bun's interface to C libraries that is used. */
interface ForeignFunctions {
  /** The address of its first byte. */
  ptr(bytes: Uint8Array): number;
  dlopen(
    library: string,
    functions: Readonly<Record<string, Signature>>,
  ): { readonly symbols: Readonly<Record<string, (...args: readonly Argument[]) => number>> };
}

const C_LIBRARIES = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1'];

/**
 * Functions of the C library. Bun can call them, Node cannot.
 * @returns undefined where this runtime cannot, or there is no such library
 */
export function functionsOfC<Name extends string>(
  functions: Readonly<Record<Name, Signature>>,
): Readonly<Record<Name, (...args: readonly Argument[]) => number>> | undefined {
  const foreign = foreignFunctions();
  if (foreign === undefined) return undefined;
  for (const library of C_LIBRARIES) {
    try {
      return foreign.dlopen(library, functions).symbols;
    } catch {
      // It is another one, or none.
    }
  }
  return undefined;
}

function foreignFunctions(): ForeignFunctions | undefined {
  return process.getBuiltinModule('bun:ffi') as unknown as ForeignFunctions | undefined;
}

/** What C calls `char *[]`: addresses, a null one at their end, and behind them the texts that they are of. On Bun only. */
export function textsForC(texts: readonly string[]): Uint8Array {
  const strings = texts.map((text) => Buffer.from(`${text}\0`));
  const start = (strings.length + 1) * BigUint64Array.BYTES_PER_ELEMENT;
  const memory = new ArrayBuffer(strings.reduce((sum, { length }) => sum + length, start));
  const addresses = new BigUint64Array(memory, 0, strings.length + 1);
  const bytes = new Uint8Array(memory);
  const first = foreignFunctions()?.ptr(bytes) ?? 0;
  let place = start;
  for (const [index, string] of strings.entries()) {
    addresses[index] = BigInt(first + place);
    bytes.set(string, place);
    place += string.length;
  }
  return bytes;
}
