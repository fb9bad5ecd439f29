// Runs test/vm/SHAPE/*.test.mjs in a virtual machine of that shape:
//
//   npm run test:vm                                    all shapes, side by side
//   npm run test:vm -- four                            one shape
//   npm run test:vm -- four test/vm/four/x.test.mjs    some files
//
// Each program test/vm/*.c is compiled here and is a command in the guest. With REPORTS, a folder, the
// results are left there as JUnit, vm-SHAPE.xml.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, parse, resolve } from 'node:path';
import { shapes } from '../test/vm/shapes.mjs';
import { installPackages, NoPackages } from './debian.mjs';
import { NoGuest, withLibraries } from './vm/base.mjs';
import { boot } from './vm/boot.mjs';
import { builtPackage, inGuest, lay, root } from './vm/project.mjs';

const timeoutSeconds = 600;
const folder = join(root, 'test/vm');
const scratch = fs.mkdtempSync(join(tmpdir(), 'moirai-test-vm-'));

/** The C programs of test/vm, as commands of the guest. */
function commands() {
  const sources = fs.readdirSync(folder).filter((name) => name.endsWith('.c'));
  if (sources.length > 0) installPackages('libnuma-dev');
  const files = new Map();
  for (const source of sources) {
    const { name } = parse(source);
    const program = join(scratch, name);
    const words = ['-Wall', '-Wextra', '-Werror', '-o', program, join(folder, source), '-lnuma'];
    const { status } = spawnSync('gcc', words, { stdio: 'inherit' });
    if (status !== 0) throw new Error(`${source} does not compile`);
    for (const [path, file] of withLibraries(program, `bin/${name}`)) files.set(path, file);
  }
  return files;
}

function testsOf(shape) {
  const names = fs.readdirSync(join(folder, shape)).filter((name) => name.endsWith('.test.mjs'));
  return names.map((name) => join(folder, shape, name));
}

/** Runs test files in a guest; true when all is well. */
async function run(shape, tests, files, onOutput) {
  const out = join(scratch, `out-${shape}`);
  // One file at a time: some take CPUs or memory away from the whole machine.
  const options =
    '--test --test-concurrency=1 --test-timeout=200000 --test-reporter=spec --test-reporter-destination=stdout ' +
    '--test-reporter=junit --test-reporter-destination=/out/junit.xml';
  const paths = tests.map((path) => `/${inGuest(resolve(path))}`);
  const command = ['node', ...options.split(' '), ...paths];
  const end = await boot({ shape, command, files, timeoutSeconds, onOutput, out });
  const report = join(out, 'junit.xml');
  if (process.env.REPORTS && fs.existsSync(report)) {
    fs.copyFileSync(report, join(process.env.REPORTS, `vm-${shape}.xml`));
  }
  if ('died' in end) onOutput(`the guest died: ${end.died}\n`);
  return 'status' in end && end.status === 0;
}

async function main([only, ...tests]) {
  const wanted = only === undefined ? Object.keys(shapes) : [only];
  if (!wanted.every((shape) => Object.hasOwn(shapes, shape))) {
    throw new Error(`the shapes are ${Object.keys(shapes).join(', ')}`);
  }
  const given = tests.flatMap((path) => [...lay(resolve(path))]);
  const files = new Map([...builtPackage(), ...lay(folder), ...given, ...commands()]);
  const runs = wanted.map(async (shape) => {
    const began = performance.now();
    // Side by side, each shape's lines are printed when it has ended.
    const lines = [];
    const onOutput = (text) =>
      wanted.length === 1 ? process.stdout.write(text) : lines.push(text);
    const passed = await run(shape, tests.length > 0 ? tests : testsOf(shape), files, onOutput);
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(`${lines.join('')}${shape}: ${passed ? 'passed' : 'FAILED'} in ${seconds} s\n`);
    return passed;
  });
  return (await Promise.all(runs)).every(Boolean);
}

try {
  process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
} catch (error) {
  if (!(error instanceof NoGuest || error instanceof NoPackages)) throw error;
  console.error(`no virtual machine: ${error.message}`);
  process.exitCode = 1;
} finally {
  fs.rmSync(scratch, { recursive: true });
}
