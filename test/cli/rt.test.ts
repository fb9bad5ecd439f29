// `moirai rt` as a command, and the parts that its figures come from. No figure of time is asserted.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Histogram } from 'moirai';
import { latenciesOf } from '../../dist/cli/cyclictest.js';
import type { RtReport } from '../../dist/cli/rt-report.js';
import { textHistogram } from '../../dist/cli/text-histogram.js';
import { granted } from '../realtime/threads.js';
import { moirai, program, start } from './command.js';

/** Measures wherever the test runs. */
const anywhere = ['--degraded', '--priority', '2'];
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('privileges are not given up: there are none');
const hasScript = spawnSync('script', ['--version']).error === undefined;
const hasCyclictest = spawnSync('cyclictest', ['--help']).error === undefined;

/** Counted values as native code gives them: [least, greatest, sum, buckets, then from, to, count]. */
function histogram(...buckets: readonly (readonly [from: number, to: number, count: number])[]) {
  const least = buckets[0]?.[0] ?? 0;
  const greatest = (buckets.at(-1)?.[1] ?? 1) - 1;
  const numbers = [least, greatest, 0, buckets.length, ...buckets.flat()];
  return new Histogram('µs', Float64Array.from(numbers), 1e-3);
}

describe('a run', () => {
  test('tells what was granted, percentiles and a histogram, and ends with 0', async () => {
    const words = ['rt', ...anywhere, '--duration', '200ms', '--mode', 'cooperative'];
    const { code, stdout, stderr } = await moirai(...words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^[\d,]+ ticks of 1000 µs in [\d.]+ s: .*CPU \d+, cooperative$/mu);
    expect(stdout).toMatch(/^ +min +p50 +p90 +p99 +p99\.9 +max$/mu);
    expect(stdout).toMatch(/^wake-up µs( +[\d.]+){6}$/mu);
    expect(stdout).toMatch(/^\d+ missed.*, \d+ overruns, \d+ skipped$/mu);
    expect(stdout).toContain('█');
    expect(stdout).not.toMatch(/undefined|NaN/u);
    expect(stdout).not.toContain('\x1b');
  });

  test('has everything in --json, and the picture in --svg', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'moirai-rt-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const svg = join(folder, 'wakeup.svg');
    const words = ['--duration', '0.3', '--period-us', '2000', '--load', '20', '--svg', svg];
    const { code, stdout } = await moirai('rt', ...anywhere, ...words, '--json');
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as RtReport & { wakeup: Histogram };
    expect(report).toMatchObject({ periodUs: 2000, loadUs: 20, mode: 'exclusive' });
    expect(report.wakeup.count).toBe(report.ticks);
    expect(report.ticks).toBeGreaterThan(0);
    const counted = report.wakeup.buckets.reduce((sum, { count }) => sum + count, 0);
    expect(counted).toBe(report.ticks);
    expect(report.granted.policy).toBe(granted ? 'fifo' : 'other');
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg [^]*Wake-up latency, 2000 µs[^]*<\/svg>\n$/u);
  });

  test.skipIf(!granted)('takes the other policies', async () => {
    const rr = JSON.parse(
      (await moirai('rt', '--policy', 'rr', '--duration', '100ms', '--priority', '2', '--json'))
        .stdout,
    ) as RtReport;
    expect(rr.granted).toMatchObject({ policy: 'round-robin', priority: 2 });
    const words = ['--policy', 'deadline', '--degraded', '--duration', '100ms', '--json'];
    const deadline = JSON.parse((await moirai('rt', ...words)).stdout) as RtReport;
    const refused = deadline.granted.degraded.some(({ what }) => what === 'policy');
    expect(deadline.granted.policy).toBe(refused ? 'other' : 'deadline');
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('that %s ends tells its figures', async (signal, expected) => {
    const words = ['rt', ...anywhere, '--duration', '0', '--json'];
    // Signals count from when the thread ticks: before, there would be nothing to tell.
    const running = start(words, [process.execPath, '--import', announcing]);
    await running.said('listening');
    running.child.kill(signal);
    const { code, stdout } = await running.ended;
    expect(code).toBe(expected);
    expect((JSON.parse(stdout) as RtReport).ticks).toBeGreaterThanOrEqual(0);
  });

  test.skipIf(!isRoot)(
    'without privileges is refused with what to set, and --degraded goes on without',
    async () => {
      const before = [
        'setpriv',
        '--bounding-set=-all',
        '--inh-caps=-all',
        'prlimit',
        '--rtprio=0:0',
        process.execPath,
      ];
      const refused = await start(['rt', '--duration', '1'], before).ended;
      expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 1, stdout: '' });
      expect(refused.stderr).toContain('CAP_SYS_NICE');
      expect(refused.stderr).toContain('LimitRTPRIO=99');
      expect(refused.stderr).toContain('moirai doctor');
      const words = ['rt', '--duration', '100ms', '--degraded'];
      const { code, stdout } = await start(words, before).ended;
      expect(code).toBe(0);
      expect(stdout).toContain('no real-time policy');
      expect(stdout).toMatch(/^policy: .*EPERM/mu);
    },
  );

  test.each([
    [['--priority', '100'], '--priority must be an integer from 1 to 99'],
    [['--policy', 'other'], '--policy must be one of fifo, rr, deadline'],
    [['--mode', 'x'], '--mode must be one of exclusive, cooperative'],
    [['--period-us', '10'], '--period-us must be an integer from 50'],
    [['--cpu', '60000'], '--cpu must be a CPU of this process ('],
    [['--svg', '/nowhere/x.svg'], '--svg must be a file that can be written'],
  ])('%j is refused with 2', async (words, message) => {
    const { code, stdout, stderr } = await moirai('rt', ...words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  test('--help tells of options and exit codes', async () => {
    const { code, stdout } = await moirai('rt', '--help');
    expect(code).toBe(0);
    for (const text of ['--period-us US', 'fifo|rr|deadline', '(10s)', 'Exit codes: 0 ', '130']) {
      expect(stdout).toContain(text);
    }
  });
});

/** Says on stderr when the command has begun to listen for signals. */
const announcing =
  'data:text/javascript,' +
  encodeURIComponent(`process.on('newListener', (name) => {
    if (name === 'SIGTERM') setImmediate(() => process.stderr.write('listening'));
  });`);

describe('cyclictest', () => {
  const output = `# /dev/cpu_dma_latency set to 0us
# Histogram
000000 000000
000003 000002
000004 000006
000009 000001
# Total: 000000009
# Min Latencies: 00003
# Avg Latencies: 00004
# Max Latencies: 00150
# Histogram Overflows: 00001
# Histogram Overflow at cycle number:
# Thread 0: 5
`;

  test('is read with what is beyond its histogram', () => {
    expect(latenciesOf(output)).toEqual({
      count: 10,
      min: 3,
      p50: 4,
      p90: 9,
      p99: 150,
      p999: 150,
      max: 150,
    });
  });

  test('that counted nothing is no figure', () => {
    expect(latenciesOf('# Histogram\n')).toBe('cyclictest counted nothing');
  });

  test.skipIf(!hasCyclictest || !granted)('gives ratios beside ours', async () => {
    const words = ['rt', '--duration', '200ms', '--compare', '--priority', '2', '--json'];
    const { code, stdout, stderr } = await moirai(...words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { cyclictest: comparison } = JSON.parse(stdout) as RtReport;
    expect(comparison).toMatchObject({ latencies: { count: 200 } });
  });

  test('where it is not installed, the way to it is told', async () => {
    const words = ['rt', ...anywhere, '--duration', '100ms', '--compare'];
    const { code, stdout } = await start(words, [process.execPath], { PATH: '/nowhere' }).ended;
    expect(code).toBe(0);
    expect(stdout).toContain('sudo apt install rt-tests');
  });
});
if (!hasCyclictest) console.log('cyclictest is not compared with: it is not installed');

describe('the histogram as text', () => {
  test('has a row for each range between round numbers, and sees single values', () => {
    const text = textHistogram(
      histogram([5000, 5100, 100_000], [12_000, 12_100, 50_000], [900_000, 900_100, 1]),
    );
    const rows = text.trimEnd().split('\n');
    expect(rows.length).toBeLessThanOrEqual(18);
    expect(rows[0]).toMatch(/^ +5 – 7 +100,000 █{40}$/u);
    expect(rows.find((row) => row.includes('50,000'))).toMatch(/^ +10 – 15 +50,000 █{20}$/u);
    expect(rows.at(-1)).toMatch(/^ 700 – 1000 +1 ▏$/u);
  });

  test('of one value is one row, and of none says so', () => {
    expect(textHistogram(histogram([1000, 1001, 7]))).toBe(`  1 – 1.2 7 ${'█'.repeat(40)}\n`);
    expect(textHistogram(histogram())).toBe('no values\n');
  });

  test('spans six decades in few rows', () => {
    const text = textHistogram(histogram([1000, 1001, 1], [999_999_000, 1_000_000_000, 1]));
    expect(text.split('\n').length).toBeLessThanOrEqual(19);
  });
});

test.skipIf(!hasScript)('on a terminal a line changes, and Ctrl-C ends it', async () => {
  const command = [process.execPath, program, 'rt', ...anywhere, '--duration', '0'].join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: undefined },
  });
  let seen = '';
  let pressed = false;
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
    if (pressed || !seen.includes(' missed')) return;
    pressed = true;
    child.stdin.write('\x03');
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(code).toBe(130);
  const [live = '', told = ''] = seen.split(/\r(?=[^\r]* ticks of )/u);
  expect(live).toContain(' ticks  min ');
  expect(told).toMatch(/ missed.*, \d+ overruns, /u);
});
if (!hasScript) console.log('the line that changes is not looked at: there is no script(1)');
