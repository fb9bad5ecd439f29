// Runs the test suite on every supported version of Node, from one and the same binary: nothing is built.
// (`npm run build` before.) The Nodes are npm packages that carry the official binary; they go into a temporary folder.
//
//   node scripts/test-nodes.mjs [--brief] [VERSION …]     exit 1 where any test fails
//
// `--brief` is what CI runs: how threads and processes end, and some of each module, without the version
// that runs this script, which has had the whole suite. Prints a table in Markdown, a row as each is done.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const vitest = join(root, 'node_modules/vitest/vitest.mjs');

// Exact, so that a figure says of which Node it is.
const versions = ['20.20.2', '22.23.3', '24.21.0', '26.10.0'];

// Terminate, process.exit, a second load of the addon and other ends, of threads in the middle of something.
const ends = ['test/lifecycle', '-t', 'while (?:busy|conversing|locking|ticking):'];
const modules = `
  test/affinity test/capabilities/capabilities.test.ts test/codec/errors.test.ts
  test/channel/channel.test.ts test/channel/process.test.ts
  test/executor/death.test.ts test/executor/modules.test.ts test/executor/run.test.ts
  test/memory/allocate.test.ts test/memory/shared-region.test.ts
  test/realtime/failures.test.ts test/share test/sync/mutex.test.ts test/sync/mutex-async.test.ts`;
const brief = [ends, modules.trim().split(/\s+/)];

const folder = mkdtempSync(join(tmpdir(), 'moirai-nodes-'));
process.on('exit', () => rmSync(folder, { recursive: true }));

function install(version) {
  const prefix = join(folder, version);
  const name = `node-linux-${process.arch}`;
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
  const { status, stderr } = spawnSync(
    'npm',
    ['install', ...flags, '--prefix', prefix, `${name}@${version}`],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  return join(prefix, 'node_modules', name, 'bin');
}

/** Runs vitest; gives how many tests passed, failed and were skipped. */
function run(bin, args) {
  const report = join(folder, 'report.json');
  writeFileSync(report, '{}');
  const reporters = ['--reporter=json', `--outputFile=${report}`];
  const { stdout, stderr } = spawnSync(join(bin, 'node'), [vitest, 'run', ...reporters, ...args], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
  });
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
  if (testResults === undefined) throw new Error(`vitest did not finish\n${stdout}\n${stderr}`);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, status, message, assertionResults } of testResults) {
    if (status === 'failed' && assertionResults.length === 0) {
      counts.failed++;
      console.error(`${name}\n${message}`);
    }
    for (const test of assertionResults) {
      // What a name pattern leaves out is skipped too, and is no news.
      if (test.status === 'passed') counts.passed++;
      else if (test.status === 'failed') counts.failed++;
      else if (!args.includes('-t')) counts.skipped++;
      if (test.status !== 'failed') continue;
      console.error(`${name}: ${test.fullName}\n${test.failureMessages.join('\n')}`);
    }
  }
  return counts;
}

const isBrief = process.argv.includes('--brief');
const asked = process.argv.slice(2).filter((arg) => arg !== '--brief');
const [ownMajor] = process.versions.node.split('.');
const chosen =
  asked.length > 0
    ? asked
    : versions.filter((version) => !isBrief || !version.startsWith(`${ownMajor}.`));

console.log('| Node | V8 | passed | failed | skipped | s |');
console.log('| --- | --- | --: | --: | --: | --: |');
for (const version of chosen) {
  const bin = install(version);
  const began = performance.now();
  const results = (isBrief ? brief : [[]]).map((args) => run(bin, args));
  const sum = (what) => results.reduce((total, each) => total + each[what], 0);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const print = 'process.version.slice(1) + " | " + process.versions.v8';
  const { stdout } = spawnSync(join(bin, 'node'), ['-p', print], { encoding: 'utf8' });
  const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map(sum);
  console.log(`| ${stdout.trim()} | ${passed} | ${failed} | ${skipped} | ${seconds} |`);
  if (failed > 0 || passed === 0) process.exitCode = 1;
}
