import { describe, expect, test } from 'vitest';
import { loadTopology } from 'moirai';
import { machine, node, processors, range, type Files } from './made-machine.js';

const nodePath = 'sys/devices/system/node';

describe('NUMA nodes', () => {
  test('without a node directory the whole machine is node 0', () => {
    const topology = machine(processors(2), {
      'proc/meminfo': 'MemTotal:  2048 kB\nMemFree: 1024 kB',
      'sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages': '7',
      'sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages': '3',
    });
    expect(topology.nodes).toEqual([
      {
        id: 0,
        cpus: [0, 1],
        bytes: 2 ** 21,
        freeBytes: 2 ** 20,
        hugePages: [{ bytes: 2 ** 21, total: 7, free: 3 }],
        initiators: [0],
        allowed: true,
      },
    ]);
    expect(topology.distance(0, 0)).toBe(10);
  });

  test('a node may have memory only, CPUs only, and ids may have gaps', () => {
    const topology = machine(
      processors(4),
      node(0, [0, 1], 4096, '10 17 21'),
      node(5, [2, 3], 0, '17 10 28'),
      node(9, [], 8192, '21 28 10'),
    );
    expect(topology.nodes.map(({ id, cpus, bytes }) => [id, cpus, bytes])).toEqual([
      [0, [0, 1], 2 ** 22],
      [5, [2, 3], 0],
      [9, [], 2 ** 23],
    ]);
    expect(topology.cpus.map((cpu) => cpu.node)).toEqual([0, 0, 5, 5]);
    expect(topology.distance(0, 9)).toBe(21);
    expect(topology.distance(9, 5)).toBe(28);
    expect(() => topology.distance(0, 1)).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument: 'b' }),
    );
    expect(topology.toString()).toContain('NUMANode 9 (8192 KB, no CPUs)');
  });

  test('nodes that claim the same CPUs are left out, saying so', () => {
    const topology = machine(
      processors(2),
      node(0, [0, 1], 64, '10 10'),
      node(1, [0, 1], 64, '10 10'),
    );
    expect(topology.nodes.map(({ id }) => id)).toEqual([0]);
    expect(topology.warnings).toHaveLength(1);
  });

  test('HMAT, memory tiers and memory-side caches are read', () => {
    const access = `${nodePath}/node1/access1/initiators`;
    const topology = machine(
      processors(2),
      node(0, [0, 1], 64, '10 20'),
      node(1, [], 128, '20 10'),
      {
        [`${access}/node0`]: '-> ../../../node0',
        [`${access}/read_bandwidth`]: '40000',
        [`${access}/write_bandwidth`]: '20000',
        [`${access}/read_latency`]: '250',
        [`${access}/write_latency`]: '0',
        [`${nodePath}/node1/access0/initiators/read_latency`]: '999',
        [`${nodePath}/node1/memory_side_cache/index1/size`]: '1048576',
        'sys/devices/virtual/memory_tiering/memory_tier4/nodelist': '0',
        'sys/devices/virtual/memory_tiering/memory_tier22/nodelist': '1',
      },
    );
    expect(topology.nodes[1]).toMatchObject({
      initiators: [0],
      access: { readBandwidth: 40_000, writeBandwidth: 20_000, readLatencyNs: 250 },
      tier: 22,
      memorySideCacheBytes: 1_048_576,
    });
    expect(topology.nodes[1]?.access).not.toHaveProperty('writeLatencyNs');
    expect(topology.nodes[0]?.tier).toBe(4);
  });
});

describe('CPUs', () => {
  test('offline ones are listed, and belong to nothing', () => {
    const files = processors(4);
    for (const path of Object.keys(files)) if (path.includes('/cpu3/')) delete files[path];
    const topology = machine(files, {
      'sys/devices/system/cpu/cpu3/online': '0',
      'sys/devices/system/cpu/cpu1/online': '1',
    });
    expect(topology.cpus[3]).toEqual({
      id: 3,
      core: -1,
      package: -1,
      node: -1,
      smt: 0,
      online: false,
      allowed: false,
      isolated: false,
    });
    expect(topology.allowed).toEqual([0, 1, 2]);
    expect(topology.packages).toEqual([{ id: 0, cpus: [0, 1, 2] }]);
    expect(topology.toString()).toContain('Offline: 3');
  });

  test('hardware threads of a core are counted', () => {
    const topology = machine(processors(4, 2));
    expect(topology.cpus.map(({ core, smt }) => [core, smt])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
    expect(topology.cores).toEqual([
      { id: 0, package: 0, cpus: [0, 1] },
      { id: 1, package: 0, cpus: [2, 3] },
    ]);
    expect(topology.caches.find(({ level }) => level === 2)).toEqual({
      level: 2,
      type: 'unified',
      bytes: 2 ** 20,
      lineBytes: 64,
      cpus: [0, 1],
    });
  });

  test('isolated ones are marked: by the kernel, by a partition, by the command line', () => {
    expect(isolated({ 'sys/devices/system/cpu/isolated': '2-3' })).toEqual([2, 3]);
    expect(
      isolated({ 'sys/devices/system/cpu/isolated': '', 'proc/cmdline': 'isolcpus=1' }),
    ).toEqual([]);
    expect(isolated({ 'sys/fs/cgroup/cpuset.cpus.isolated': '5' })).toEqual([5]);
    expect(isolated({ 'proc/cmdline': 'quiet isolcpus=nohz,domain,1,4-5 ro' })).toEqual([1, 4, 5]);
  });

  test('where sysfs shows no topology, CPUs are cores of their own', () => {
    const topology = machine({
      'sys/devices/system/cpu/online': '0-2',
      'proc/meminfo': 'MemTotal: 8 kB',
    });
    expect(topology.cores.map(({ cpus }) => cpus)).toEqual([[0], [1], [2]]);
    expect(topology.effectiveParallelism).toBe(3);
  });

  test('with nothing but /proc/cpuinfo its processors count', () => {
    const topology = machine({ 'proc/cpuinfo': 'processor\t: 0\nflags: x\n\nprocessor\t: 1\n' });
    expect(topology.allowed).toEqual([0, 1]);
  });
});

describe('unequal cores', () => {
  test('of Intel go by the names of their PMUs', () => {
    const topology = machine(processors(6), {
      'sys/devices/cpu_core/cpus': '0-1',
      'sys/devices/cpu_atom/cpus': '2-5',
    });
    expect(topology.cpus.map((cpu) => cpu.kind)).toEqual(
      range(0, 6).map((id) => (id < 2 ? 'performance' : 'efficiency')),
    );
  });

  test('of Arm go by capacity, with what is nearly equal taken together', () => {
    const capacities = [400, 400, 800, 810, 1000, 1024];
    const topology = machine(
      processors(6),
      Object.fromEntries(
        capacities.map((value, cpu) => [
          `sys/devices/system/cpu/cpu${cpu}/cpu_capacity`,
          `${value}`,
        ]),
      ),
    );
    expect(topology.kinds).toEqual([
      { kind: 'performance', cpus: [4, 5], capacity: 1 },
      { kind: 'balanced', cpus: [2, 3], capacity: 810 / 1024 },
      { kind: 'efficiency', cpus: [0, 1], capacity: 400 / 1024 },
    ]);
  });

  test('favoured cores with a little more turbo are not a kind', () => {
    const topology = machine(
      processors(2),
      { 'sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq': '5000000' },
      { 'sys/devices/system/cpu/cpu1/cpufreq/cpuinfo_max_freq': '5300000' },
    );
    expect(topology.kinds).toEqual([]);
    expect(topology.cpus[0]).not.toHaveProperty('kind');
  });
});

test.each([
  [undefined, TypeError],
  [7, TypeError],
  ['/nowhere/at/all', RangeError],
])('loadTopology(%j) is refused with a typed error', (root, type) => {
  expect(() => loadTopology(root as string)).toThrow(type);
  expect(() => loadTopology(root as string)).toThrow(
    expect.objectContaining({ code: 'ERR_MOIRAI_INVALID_ARGUMENT', argument: 'root' }),
  );
});

function isolated(files: Files): number[] {
  return machine(processors(6), files).cpus.flatMap((cpu) => (cpu.isolated ? [cpu.id] : []));
}
