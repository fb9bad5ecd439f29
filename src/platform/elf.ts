// What a binary's own header says, read before the loader sees it: dlopen maps a file by what its header
// promises, and one that was cut off ends the process with SIGBUS instead of an error.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const machines: ReadonlyMap<number, string> = new Map([
  [3, 'ia32'],
  [40, 'arm'],
  [62, 'x64'],
  [183, 'arm64'],
  [243, 'riscv64'],
]);

/** Why the file cannot be loaded on a machine of this architecture; undefined: nothing speaks against it. */
export function faultOfBinary(path: string, arch: string): string | undefined {
  const header = Buffer.alloc(64);
  const file = openSync(path, 'r');
  let bytes: number;
  try {
    if (readSync(file, header, 0, 64, 0) < 64) return 'it is cut off within its header';
    bytes = fstatSync(file).size;
  } finally {
    closeSync(file);
  }
  if (header.readUInt32BE(0) !== 0x7f454c46) return 'it is no ELF file';
  const machine = header.readUInt16LE(18);
  const name = machines.get(machine) ?? `machine ${machine}`;
  if (header[4] !== 2 || name !== arch) return `it is for ${name}`;
  // Linkers and strip leave the table of sections at the end of the file.
  const end =
    Number(header.readBigUInt64LE(40)) + header.readUInt16LE(58) * header.readUInt16LE(60);
  return bytes < end ? `it is cut off: ${bytes} bytes are there of ${end}` : undefined;
}
