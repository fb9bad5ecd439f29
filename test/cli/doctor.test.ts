// `moirai` and `moirai doctor` as commands: what they print, where, and with which exit code.
import { existsSync, readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { examine, type Examination } from 'moirai/doctor';
import { doctorText } from '../../dist/cli/doctor-text.js';
import { styleFor } from '../../dist/cli/style.js';
import { limits, rootOf, status, tuned } from '../doctor/made-root.js';
import { moirai, start } from './command.js';

interface Report extends Examination {
  readonly counts: Readonly<Record<string, number>>;
}

/** Node, with an addon that does not load. */
const broken = 'data:text/javascript,process.dlopen=()=>{throw new Error("not%20for%20you")}';
const withoutAddon = [process.execPath, '--import', broken];

describe('moirai', () => {
  test.each(['--help', '-h', 'help'])('%s names the commands', async (word) => {
    const { code, stdout, stderr } = await moirai(word);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ {2}doctor {3}.*\n {2}rt {7}/mu);
  });

  test('--version is that of the package', async () => {
    const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    const { version } = JSON.parse(text) as { version: string };
    expect((await moirai('--version')).stdout).toBe(`${version}\n`);
  });

  test.each([[[]], [['topology']], [['constructor']]])('%j is no command', async (words) => {
    const { code, stdout, stderr } = await moirai(...words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('it must be doctor or rt');
  });
});

test('an error of the package is a line and not a stack', async () => {
  const { code, stdout, stderr } = await start(['rt'], withoutAddon).ended;
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^moirai rt: [^\n]*not for you[^\n]*\n$/u);
});

describe('doctor', () => {
  test('has nothing to say of a tuned machine, and ends with 0', async () => {
    const { code, stdout, stderr } = await moirai('doctor', '--root', rootOf(tuned));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^moirai doctor: CPU 3, Linux 6.10.0-rt14, Node /u);
    expect(stdout).toMatch(/^\d+ ok, 0 could be better, 0 missing, 0 unknown$/mu);
    expect(stdout).not.toContain('why');
  });

  test('says what is missing, why, and how to get it, and ends with 1', async () => {
    const root = rootOf(tuned, limits(0, 'unlimited'), status('0', '0-3'));
    const { code, stdout } = await moirai('doctor', '--root', root);
    expect(code).toBe(1);
    const lines = stdout.split('\n');
    const at = lines.findIndex((line) => line.includes('real-time priority'));
    expect(lines[at]).toMatch(/^ {2}missing {2}real-time priority {2,}no CAP_SYS_NICE, and /u);
    expect(lines[at + 1]).toMatch(/^ {11}why {5}Without it /u);
    expect(lines[at + 2]).toBe('           now     sudo prlimit --pid $$ --rtprio=99:99');
    expect(lines.slice(at + 3, at + 6).map((line) => line.trim().split(/\s/u)[0])).toEqual([
      'keep',
      'unit',
      'docker',
    ]);
  });

  test('--json has the same, with counts', async () => {
    const root = rootOf(tuned, limits(0, 'unlimited'), status('0', '0-3'));
    const { code, stdout } = await moirai('doctor', '--root', root, '--json', '--cpu', '2');
    const report = JSON.parse(stdout) as Report;
    expect(code).toBe(1);
    expect(report.cpu).toBe(2);
    const missing = report.findings.filter(({ state }) => state === 'missing');
    expect(missing.map(({ name }) => name)).toEqual(['real-time priority']);
    expect(report.counts['missing']).toBe(1);
    const sum = Object.values(report.counts).reduce((a, b) => a + b, 0);
    expect(sum).toBe(report.findings.length);
  });

  test('tells of this machine, with what its kernel answers', async () => {
    const { code, stdout } = await moirai('doctor', '--json');
    const { findings } = JSON.parse(stdout) as Report;
    expect(findings.find(({ name }) => name === 'addon')?.state).toBe('ok');
    expect(code).toBe(findings.some(({ state }) => state === 'missing') ? 1 : 0);
  });

  test('works where the addon does not load, and says so', async () => {
    const { code, stdout } = await start(['doctor', '--json'], withoutAddon).ended;
    const { findings } = JSON.parse(stdout) as Report;
    expect(code).toBe(1);
    expect(findings.find(({ name }) => name === 'addon')).toMatchObject({
      state: 'missing',
      found: expect.stringContaining('not for you') as string,
      fix: { now: 'node node_modules/moirai/scripts/build-addon.mjs' },
    });
    expect(existsSync(new URL('../../scripts/build-addon.mjs', import.meta.url))).toBe(true);
  });

  test.each([
    [['--cpu', 'x'], '--cpu must be an integer from 0 to 65535'],
    [['--cpu', '60000'], '--cpu must be a CPU that is online'],
    [['--root', '/nowhere'], '--root must be a directory that contains sys'],
    [['--jsn'], '--jsn must be absent: options are --cpu, --json, --root, --help'],
  ])('%j is refused with 2', async (words, message) => {
    const { code, stdout, stderr } = await moirai('doctor', ...words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain('moirai doctor --help');
  });

  test('a full disk is told, and its exit code', async () => {
    const words = ['-c', '"$0" "$@" >/dev/full', process.execPath];
    const { code, stderr } = await start(['doctor'], ['sh', ...words]).ended;
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'moirai: the output cannot be written: ENOSPC: no space left on device, write\n',
    });
  });

  test('--help tells of options and exit codes', async () => {
    const { code, stdout } = await moirai('doctor', '--help');
    expect(code).toBe(0);
    expect(stdout).toContain('--cpu N');
    expect(stdout).toContain('Exit codes: 0 ');
  });
});

describe('colours', () => {
  const counts = { ok: 1, improvable: 0, missing: 0, unknown: 0 };
  const textWith = (terminal: boolean, environment: NodeJS.ProcessEnv): string =>
    doctorText(examine({ root: rootOf(tuned) }), counts, styleFor(terminal, environment));

  test('are on a terminal', () => {
    expect(textWith(true, {})).toContain('\x1b[32mok');
  });

  test.each([
    ['a pipe', false, {}],
    ['NO_COLOR', true, { NO_COLOR: '1' }],
    ['a dumb terminal', true, { TERM: 'dumb' }],
  ])('are not with %s', (_name, terminal, environment) => {
    expect(textWith(terminal, environment)).not.toContain('\x1b');
  });

  test('do not move columns', () => {
    const plain = textWith(false, {});
    expect(stripVTControlCharacters(textWith(true, {}))).toBe(plain);
  });
});
