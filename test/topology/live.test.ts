// The live machine: what changes under the process must show. Children do the changing, so that the
// test's own process keeps its place.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { affinity, topology } from 'moirai';

const project = fileURLToPath(new URL('../..', import.meta.url));
const few = topology().allowed.length < 2;
if (few) console.log('changes of the mask are not tested: this process has one CPU');

/** Runs module code in a child and returns what it hands to `report`. */
function inChild(code: string): unknown {
  const source = `
    import { writeFileSync } from 'node:fs';
    import { Worker } from 'node:worker_threads';
    import { topology, affinity } from 'moirai';
    const report = (value) => console.log(JSON.stringify(value));
    ${code}`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', source], {
    cwd: project,
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

test('the same object as long as nothing changes', () => {
  expect(topology()).toBe(topology());
});

test("agrees with the kernel's affinity mask", () => {
  expect(topology().allowed).toEqual(affinity.get());
  expect(
    topology()
      .cpus.filter((cpu) => cpu.allowed)
      .map((cpu) => cpu.id),
  ).toEqual(affinity.get());
});

test.skipIf(few)('a mask set on the main thread counts, a pin does not', () => {
  const [first, ...others] = topology().allowed;
  const result = inChild(`
    const before = topology().allowed;
    const pin = affinity.pin([${first}]);
    const pinned = topology().allowed;
    pin.release();
    affinity.set(${JSON.stringify(others)});
    report([before, pinned, topology().allowed]);`);
  expect(result).toEqual([[first, ...others], [first, ...others], others]);
});

test.skipIf(few)('a worker that is born pinned still sees all that the process has', () => {
  const { allowed } = topology();
  const result = inChild(`
    const code = \`const { parentPort } = require('node:worker_threads');
      const { affinity, topology } = require('moirai');
      parentPort.postMessage({ own: affinity.get(), process: topology().allowed });\`;
    const pin = affinity.pin([${allowed[0]}]);
    const worker = new Worker(code, { eval: true, execArgv: [] });
    pin.release();
    worker.once('message', report);`);
  expect(result).toEqual({ own: [allowed[0]], process: allowed });
});

describe('control groups', () => {
  const quotaGroup = makeGroup('cpu');
  const cpusetGroup = makeGroup('cpuset');
  if (quotaGroup === undefined) console.log('live quotas are not tested: no group can be made');
  if (cpusetGroup === undefined) console.log('live cpusets are not tested: no group can be made');

  test.skipIf(quotaGroup === undefined)('a quota is seen as soon as it is there', () => {
    const group = quotaGroup?.() ?? '';
    const [limit, half] = group.includes('/cpu/')
      ? ['cpu.cfs_quota_us', '50000']
      : ['cpu.max', '50000 100000'];
    const result = inChild(`
      const seen = [topology().quota ?? null];
      writeFileSync(${JSON.stringify(`${group}/cgroup.procs`)}, String(process.pid));
      seen.push(topology().quota ?? null);
      writeFileSync(${JSON.stringify(`${group}/${limit}`)}, ${JSON.stringify(half)});
      seen.push(topology().quota ?? null, topology().effectiveParallelism);
      report(seen);`);
    const outside = topology().quota ?? null;
    expect(result).toEqual([outside, outside, 0.5, 1]);
  });

  test.skipIf(few || cpusetGroup === undefined)(
    'a cpuset that shrinks is seen, and so is growth',
    () => {
      const group = cpusetGroup?.() ?? '';
      const { allowed } = topology();
      const cpus = JSON.stringify(`${group}/cpuset.cpus`);
      const result = inChild(`
      writeFileSync(${cpus}, '${allowed.join(',')}');
      writeFileSync(${JSON.stringify(`${group}/cpuset.mems`)}, '${topology().nodes.find((n) => n.allowed)?.id}');
      writeFileSync(${JSON.stringify(`${group}/cgroup.procs`)}, String(process.pid));
      const seen = [topology().allowed];
      writeFileSync(${cpus}, '${allowed[1]}');
      seen.push(topology().allowed);
      const pin = affinity.pin([${allowed[1]}]);
      writeFileSync(${cpus}, '${allowed.join(',')}');
      seen.push(topology().allowed);
      pin.release();
      seen.push(topology().allowed, affinity.get());
      report(seen);`);
      expect(result).toEqual([allowed, [allowed[1]], allowed, allowed, allowed]);
    },
  );
});

/** A way to make a child group of the controller's root, where this process may. */
function makeGroup(controller: string): (() => string) | undefined {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const mount =
    mounts.find(
      ([, , type, options]) => type === 'cgroup' && options?.split(',').includes(controller),
    ) ?? mounts.find(([, , type]) => type === 'cgroup2');
  const point = mount?.[1];
  if (point === undefined) return undefined;
  const make = (): string => {
    const group = join(point, `moirai-test-${controller}-${process.pid}`);
    mkdirSync(group);
    return group;
  };
  try {
    const group = make();
    const probe =
      controller === 'cpuset'
        ? 'cpuset.cpus'
        : mount?.[2] === 'cgroup'
          ? 'cpu.cfs_quota_us'
          : 'cpu.max';
    const usable = readable(`${group}/${probe}`);
    rmdirSync(group);
    if (!usable) return undefined;
  } catch {
    return undefined;
  }
  return () => {
    const group = make();
    onTestFinished(() => rmdirSync(group));
    return group;
  };
}

function readable(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
