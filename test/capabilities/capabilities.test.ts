// The probe in the surroundings it has to tell apart, made for real.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { affinity, capabilities, topology, type Capabilities, type CapabilityName } from 'moirai';

const project = fileURLToPath(new URL('../..', import.meta.url));
const memoryCalls = ['mbind', 'set_mempolicy', 'get_mempolicy', 'move_pages', 'migrate_pages'];
const memoryFeatures: CapabilityName[] = [
  'mbind',
  'setMempolicy',
  'getMempolicy',
  'movePages',
  'migratePages',
];
const here = capabilities();

/** capabilities() of a Node that was started through `command`. */
function through(command: readonly string[], setUp = ''): Capabilities {
  const code = `import { writeFileSync } from 'node:fs';
    import { capabilities } from 'moirai';
    ${setUp}
    console.log(JSON.stringify(capabilities()));`;
  const [program, ...options] = [...command, process.execPath, '--input-type=module', '-e', code];
  return JSON.parse(
    execFileSync(program, options, { cwd: project, encoding: 'utf8' }),
  ) as Capabilities;
}

/** '' where the kernel was built without the file. */
function text(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function works(program: string, ...options: string[]): boolean {
  return spawnSync(program, options).status === 0;
}

test('every entry that is not available says why', () => {
  const states = ['available', 'degraded', 'refused', 'unknown'];
  for (const entry of Object.values(here)) {
    expect(states).toContain(entry.state);
    const explained = typeof entry.cause === 'string' && typeof entry.reason === 'string';
    expect([entry, explained]).toEqual([entry, entry.state !== 'available']);
  }
});

/** All of this process that a probe could leave changed. */
function ownState() {
  return {
    affinity: affinity.get(),
    // Fields 18, 19, 40 and 41: priority, nice, real-time priority and policy.
    scheduling: text('/proc/thread-self/stat')
      .replace(/^.*\) /s, '')
      .split(' ')
      .filter((_, index) => [15, 16, 37, 38].includes(index)),
    files: readdirSync('/proc/self/fd').length,
    children: text('/proc/thread-self/children'),
    signals: /^SigBlk:.*$/m.exec(text('/proc/thread-self/status'))?.[0],
    locked: /^VmLck:.*$/m.exec(text('/proc/self/status'))?.[0],
    policies: text('/proc/self/numa_maps')
      .split('\n')
      .filter((line) => !line.includes(' default ') && line !== '').length,
    shared: readdirSync('/dev/shm').filter((name) => name.includes('moirai')),
  };
}

test('changes nothing of this process and leaves nothing behind', () => {
  const before = ownState();
  capabilities();
  expect(ownState()).toEqual(before);
});

test('numa is available with a second node with memory only', () => {
  const nodes = topology().nodes.filter((node) => node.allowed && node.bytes > 0);
  expect(here.numa.state).toBe(nodes.length > 1 ? 'available' : 'degraded');
});

describe('under a seccomp filter', () => {
  const compiler = ['cc', 'gcc', 'g++'].find((name) => works(name, '--version'));
  if (compiler === undefined) console.log('seccomp filters are not tested: no C compiler');
  let scratch = '';
  let run = '';
  beforeAll(() => {
    if (compiler === undefined) return;
    scratch = mkdtempSync(join(tmpdir(), 'moirai-seccomp-'));
    run = join(scratch, 'seccomp-run');
    const source = fileURLToPath(new URL('seccomp-run.c', import.meta.url));
    execFileSync(compiler, ['-x', 'c', '-o', run, source]);
  });
  afterAll(() => {
    if (scratch !== '') rmSync(scratch, { recursive: true });
  });

  test.skipIf(compiler === undefined).each(['eperm', 'enosys', 'kill'])(
    'that answers memory policies with %s, they are refused by seccomp and the rest is as before',
    (action) => {
      const seen = through([run, action, ...memoryCalls, '--']);
      for (const name of memoryFeatures) {
        expect([name, seen[name]]).toMatchObject([name, { state: 'refused', cause: 'seccomp' }]);
        expect(seen[name].fix).toMatch(/seccomp/);
      }
      expect(seen.memfd).toEqual(here.memfd);
      expect(seen.futex).toEqual(here.futex);
      expect(seen.fifo).toEqual(here.fifo);
    },
  );

  test.skipIf(compiler === undefined)('on scheduling, it is told from a missing capability', () => {
    const seen = through([run, 'eperm', 'sched_setscheduler', 'sched_setattr', '--']);
    expect(seen.fifo.cause).toBe('seccomp');
    expect(seen.roundRobin.cause).toBe('seccomp');
    expect(seen.deadline.cause).toBe('seccomp');
    expect(seen.mbind).toEqual(here.mbind);
  });
});

describe('without privileges', () => {
  const drop = [
    'setpriv',
    '--bounding-set',
    '-sys_nice,-ipc_lock',
    '--inh-caps',
    '-sys_nice,-ipc_lock',
  ];
  const canDrop = works(drop[0] ?? '', ...drop.slice(1), 'prlimit', '--version');
  if (!canDrop) console.log('dropped capabilities are not tested: setpriv cannot drop them here');

  test.skipIf(!canDrop)('CAP_SYS_NICE is named, with the ways to get it', () => {
    const seen = through([...drop, 'prlimit', '--rtprio=0:0', '--nice=0:0']);
    for (const name of ['fifo', 'roundRobin', 'deadline', 'nice'] as const) {
      const errno = name === 'nice' ? 13 : 1;
      const refusal = { state: 'refused', cause: 'capability', errno };
      expect([name, seen[name]]).toMatchObject([name, refusal]);
      expect(seen[name].fix).toMatch(/CAP_SYS_NICE/);
    }
    expect(seen.fifo.fix).toMatch(/RLIMIT_RTPRIO/);
  });

  const canRaise = works('prlimit', '--rtprio=10:10', 'true');
  if (!canRaise) console.log('limits of priority are not tested: this process cannot raise them');
  test.skipIf(!canDrop || !canRaise)(
    'a limit can stand in for the capability, up to its value',
    () => {
      const seen = through(['prlimit', '--rtprio=10:10', ...drop]);
      expect(seen.fifo).toMatchObject({ state: 'degraded', cause: 'rlimit' });
      expect(seen.deadline.cause).toBe('capability');
    },
  );

  test.skipIf(!canDrop)('a limit of locked memory is named', () => {
    expect(through(['prlimit', '--memlock=0:0', ...drop]).mlock).toMatchObject({
      state: 'refused',
      cause: 'rlimit',
    });
    expect(through(['prlimit', '--memlock=1048576:1048576', ...drop]).mlock).toMatchObject({
      state: 'degraded',
      cause: 'rlimit',
    });
  });

  const canUnshare = works('unshare', '--user', '--map-root-user', 'true');
  if (!canUnshare) console.log('user namespaces are not tested: unshare cannot make one here');
  test.skipIf(!canUnshare)('root of a user namespace has no more than it seems', () => {
    const seen = through(['unshare', '--user', '--map-root-user', 'prlimit', '--rtprio=0:0']);
    expect(seen.fifo).toMatchObject({ state: 'refused', cause: 'capability' });
    expect(seen.fifo.reason).toMatch(/user namespace/);
  });
});

describe('in a control group', () => {
  const root = '/sys/fs/cgroup/cpu';
  const group = join(root, `moirai-test-rt-${process.pid}`);
  const reason = whyNoGroup();
  if (reason !== undefined) console.log(`real-time budgets are not tested: ${reason}`);

  test.skipIf(reason !== undefined)('without real-time budget, the group is to blame', () => {
    mkdirSync(group);
    onTestFinished(() => rmdirSync(group));
    const enter = `writeFileSync(${JSON.stringify(`${group}/cgroup.procs`)}, String(process.pid));`;
    const seen = through([], enter);
    for (const name of ['fifo', 'roundRobin'] as const) {
      expect(seen[name]).toMatchObject({ state: 'refused', cause: 'cgroup' });
      expect(seen[name].fix).toContain(`${group}/cpu.rt_runtime_us`);
    }
    // EDF is admitted by bandwidth of the machine, not of the group.
    expect(seen.deadline).toEqual(here.deadline);
  });

  function whyNoGroup(): string | undefined {
    try {
      readFileSync(join(root, 'cpu.rt_runtime_us'));
    } catch {
      return 'this kernel has no RT_GROUP_SCHED, or control groups are of version 2';
    }
    try {
      mkdirSync(group);
      rmdirSync(group);
    } catch {
      return 'no group can be made here';
    }
    return here.fifo.state === 'available'
      ? undefined
      : 'this process has no real-time priority at all';
  }
});

describe('without room for another process', () => {
  const nobody = ['setpriv', '--reuid', '65533', '--clear-groups'];
  const node = [...nobody.slice(1), process.execPath, '--input-type=module', '-e'];
  const possible =
    spawnSync('setpriv', [...node, "import 'moirai'"], { cwd: project }).status === 0;
  if (!possible) console.log('process limits are not tested: no other user can run this project');

  test.skipIf(!possible)('the answer is unknown, not an error', () => {
    // From within: Node needs threads of its own to start.
    const seen = through(
      nobody,
      `const { spawnSync } = await import('node:child_process');
       spawnSync('prlimit', ['--pid', String(process.pid), '--nproc=1:1']);`,
    );
    expect(seen.mbind).toMatchObject({ state: 'unknown', cause: 'resources', errno: 11 });
    expect(seen.numa).toEqual(here.numa);
  });
});
