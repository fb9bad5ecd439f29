// Under a filter like the one of container engines: nothing fails that needs no policy, and what is
// refused says so. What that means for several nodes is in test/vm/four.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { topology } from 'moirai';

const project = fileURLToPath(new URL('../..', import.meta.url));
const program = fileURLToPath(new URL('fixtures/filtered.mjs', import.meta.url));
const compiler = ['cc', 'gcc', 'g++'].find((name) => spawnSync(name, ['--version']).status === 0);
if (compiler === undefined) console.log('seccomp filters are not tested: no C compiler');
const oneNode = topology().nodes.filter(({ bytes }) => bytes > 0).length === 1;
if (!oneNode) console.log('what one node means is not tested: this machine has several');

const policyCalls = ['mbind', 'set_mempolicy', 'get_mempolicy'];
const moveCalls = ['move_pages', 'migrate_pages'];

describe.runIf(compiler !== undefined && oneNode)('on one node', () => {
  let scratch = '';
  let run = '';
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'moirai-filtered-'));
    run = join(scratch, 'seccomp-run');
    const source = join(project, 'test/capabilities/seccomp-run.c');
    execFileSync(compiler ?? '', ['-x', 'c', '-o', run, source]);
  });
  afterAll(() => rmSync(scratch, { recursive: true }));

  test.each([
    ['eperm', [...policyCalls, ...moveCalls]],
    ['enosys', [...policyCalls, ...moveCalls]],
    ['eperm', moveCalls],
    ['eperm', ['mlock']],
  ])('calls answered with %s (%j) change nothing but what needs them', (action, calls) => {
    const output = execFileSync(run, [action, ...calls, '--', process.execPath, program], {
      cwd: project,
      encoding: 'utf8',
    });
    const denied = calls.includes('mlock');
    expect(JSON.parse(output)).toEqual({
      placement: 'single-node',
      set: 'single-node',
      policy: 'default',
      moved: 'single-node',
      nodes: [0],
      locked: denied ? ['lock'] : [],
      freed: 0,
      region: 5,
      sum: 3,
    });
  });

  const drop = ['--bounding-set', '-sys_nice', '--inh-caps', '-sys_nice'];
  const canDrop = spawnSync('setpriv', [...drop, 'true']).status === 0;
  if (!canDrop) console.log('dropped capabilities are not tested: setpriv cannot drop them here');
  test.runIf(canDrop)('without CAP_SYS_NICE everything is as with it', () => {
    const words = [process.execPath, program];
    const output = execFileSync('setpriv', [...drop, ...words], { cwd: project, encoding: 'utf8' });
    expect(JSON.parse(output)).toMatchObject({ placement: 'single-node', locked: [], sum: 3 });
  });
});
