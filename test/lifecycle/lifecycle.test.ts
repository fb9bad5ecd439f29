// How a process with an executor ends: by every route, from every state, with the right exit code and
// nothing on stderr that Node or the addon did not mean to say.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('./program.mjs', import.meta.url));

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

// A process that hangs is killed so that the test can say so; the limit is no measure of speed.
const hangMs = 150_000;

function run(...args: readonly string[]): Promise<End> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), hangMs);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stderr });
    });
  });
}

const states = [
  'starting',
  'idle',
  'busy',
  'parked',
  'closing',
  'flooded',
  'cancelling',
  'limited',
  'waiting',
  'growing',
  'blocking',
  'resizing',
  'conversing',
  'locking',
  'ticking',
  'ticking in the event loop',
  'between far ticks',
  'always late',
  'stuck in a tick',
  'watched',
];
const endings: readonly [string, Pick<End, 'code' | 'signal'>, RegExp][] = [
  ['exit', { code: 7, signal: null }, /^$/u],
  ['throw', { code: 1, signal: null }, /Error: planned/u],
  ['reject', { code: 1, signal: null }, /Error: planned/u],
  ['signal', { code: null, signal: 'SIGTERM' }, /^$/u],
  ['terminate', { code: 3, signal: null }, /^$/u],
  ['doubleLoad', { code: 6, signal: null }, /^$/u],
  ['forceClose', { code: 5, signal: null }, /^$/u],
];

for (const [ending, expected, stderr] of endings) {
  for (const state of states) {
    test(`${ending} while ${state}: exit code ${expected.code ?? expected.signal}`, async () => {
      const end = await run(state, ending);
      expect({ code: end.code, signal: end.signal }, end.stderr).toEqual(expected);
      expect(end.stderr).toMatch(stderr);
    });
  }
}

test('an idle executor does not keep its process alive', async () => {
  const end = await run('idle', 'natural');
  expect({ code: end.code, signal: end.signal }, end.stderr).toEqual({ code: 4, signal: null });
});

test('a real-time context keeps its process alive while a task of it runs', async () => {
  const ends = await Promise.all([run('resting', 'natural'), run('finishing', 'natural')]);
  expect(ends.map(({ code }) => code)).toEqual([4, 5]);
});
