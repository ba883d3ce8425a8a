/** The part of Bun's interface to C libraries that is used: https://bun.com/docs/runtime/ffi */
interface ForeignFunctions {
  dlopen(
    library: string,
    functions: Readonly<Record<string, { readonly args: readonly CType[]; readonly returns: 'i32' }>>,
  ): { readonly symbols: Readonly<Record<string, CFunction>> };
}

type CType = 'i32' | 'u64' | 'ptr';
type CFunction = (...args: readonly (number | null)[]) => number;

const C_LIBRARIES = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1'];

/**
 * A function of the C library that returns an int. Bun can call it, Node cannot.
 * @returns undefined: it cannot be called here
 */
export function cFunction(name: string, args: readonly CType[]): CFunction | undefined {
  const foreign = process.getBuiltinModule('bun:ffi') as unknown as ForeignFunctions | undefined;
  if (foreign === undefined) return undefined;
  for (const library of C_LIBRARIES) {
    try {
      return foreign.dlopen(library, { [name]: { args, returns: 'i32' } }).symbols[name];
    } catch {
      // It is another one, or none.
    }
  }
  return undefined;
}
