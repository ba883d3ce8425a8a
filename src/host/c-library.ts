/** What a function of C takes and returns, as Bun names it: https://bun.com/docs/runtime/ffi */
interface Signature {
  readonly args: readonly string[];
  readonly returns: string;
}

type Argument = number | Uint8Array | null;

/** The part of Bun's interface to C libraries that is used. */
interface ForeignFunctions {
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
  const foreign = process.getBuiltinModule('bun:ffi') as unknown as ForeignFunctions | undefined;
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
