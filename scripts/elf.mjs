// What readelf says of an ELF file, as values.
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';

const readelf = (...args) =>
  execFileSync('readelf', args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28, // Node itself has tens of thousands of symbols
    env: { ...process.env, LC_ALL: 'C' },
  });

/** Name, version, whether it is defined, and LOCAL, GLOBAL or WEAK, of each dynamic symbol. */
export function dynamicSymbols(file) {
  return readelf('--dyn-syms', '-W', file)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([number, , , , , , , name]) => /^\d+:$/.test(number) && name !== undefined)
    .map(([, , , , binding, , section, symbol]) => {
      const [name, version] = symbol.split(/@@?/);
      return { name, version, defined: section !== 'UND', binding };
    });
}

/** Machine, libraries, alignment of pages, and what the loader would have to do or to allow. */
export function readElf(file) {
  const header = readelf('-hW', file);
  const dynamic = readelf('-dW', file);
  const program = readelf('-lW', file);
  const symbols = dynamicSymbols(file);
  return {
    bytes: statSync(file).size,
    machine: /Machine:\s+(.+)/.exec(header)?.[1].trim(),
    needed: [...dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, library]) => library),
    // The smallest alignment of a loaded segment: a kernel with larger pages cannot map it.
    alignment: Math.min(
      ...[...program.matchAll(/^\s+LOAD\s.*\s0x([0-9a-f]+)$/gm)].map(([, hex]) =>
        parseInt(hex, 16),
      ),
    ),
    textRelocations: /\(TEXTREL\)|FLAGS.*TEXTREL/.test(dynamic),
    executableStack: /GNU_STACK\s.*\bRWE\b/.test(program) || !/GNU_STACK/.test(program),
    stripped: !/\.symtab/.test(readelf('-SW', file)),
    imported: symbols.filter(({ defined, binding }) => !defined && binding !== 'LOCAL'),
    exported: symbols.filter(({ defined, binding }) => defined && binding !== 'LOCAL'),
  };
}
