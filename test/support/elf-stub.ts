/** A program of another machine, as far as its headers go: nothing can start it. */
export function elfFor(target: string): Buffer {
  const [, cpu = '', musl] = target.split('-');
  const machine = cpu === 'x64' ? 62 : 183;
  const name = cpu === 'x64' ? 'x86_64' : 'aarch64';
  const interpreter = musl === undefined ? `/lib/ld-linux-${name}.so.2` : `/lib/ld-musl-${name}.so.1`;
  const header = Buffer.alloc(64 + 56);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(3, 16);
  header.writeUInt16LE(machine, 18);
  // One segment, right behind this header: the loader's path.
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(3, 64);
  header.writeBigUInt64LE(BigInt(header.length), 64 + 8);
  header.writeBigUInt64LE(BigInt(interpreter.length + 1), 64 + 32);
  return Buffer.concat([header, Buffer.from(`${interpreter}\0`)]);
}
