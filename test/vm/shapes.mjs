// The machines that the tests under test/vm run on, by name. A node without `cpus` is memory only, one
// without `mib` has CPUs only. Each node with CPUs is a package of its own.

/**
 * @typedef {object} Shape
 * @property {{ cpus?: number[], mib?: number, initiator?: number }[]} nodes
 *   `initiator`: the node whose CPUs reach a memory-only node best.
 * @property {number[][]} distances From node to node, as in the ACPI table SLIT.
 * @property {{ initiator: number, target: number, latencyNs: number, mibPerSecond: number }[]} [hmat]
 *   What the ACPI table HMAT says about the memory of `target` seen from the CPUs of `initiator`.
 */

/** @type {Record<string, Shape>} */
export const shapes = {
  // Two boards of two nodes.
  four: {
    nodes: [
      { cpus: [0, 1], mib: 1024 },
      { cpus: [2, 3], mib: 1024 },
      { cpus: [4, 5], mib: 1024 },
      { cpus: [6, 7], mib: 1024 },
    ],
    distances: [
      [10, 21, 31, 31],
      [21, 10, 31, 31],
      [31, 31, 10, 21],
      [31, 31, 21, 10],
    ],
  },
  // Node 2 has CPUs only and is nearest to node 1; node 3 is memory only, slower and nearest to node 0.
  // Linux numbers nodes as the SRAT table names them, and QEMU's names those with CPUs first.
  tiers: {
    nodes: [
      { cpus: [0, 1], mib: 1024 },
      { cpus: [2, 3], mib: 1024 },
      { cpus: [4, 5] },
      { mib: 512, initiator: 0 },
    ],
    distances: [
      [10, 20, 25, 17],
      [20, 10, 15, 28],
      [25, 15, 10, 31],
      [17, 28, 31, 10],
    ],
    hmat: [
      { initiator: 0, target: 0, latencyNs: 90, mibPerSecond: 40960 },
      { initiator: 0, target: 1, latencyNs: 160, mibPerSecond: 20480 },
      { initiator: 0, target: 3, latencyNs: 250, mibPerSecond: 10240 },
      { initiator: 1, target: 0, latencyNs: 160, mibPerSecond: 20480 },
      { initiator: 1, target: 1, latencyNs: 80, mibPerSecond: 36864 },
      { initiator: 1, target: 3, latencyNs: 340, mibPerSecond: 5120 },
      { initiator: 2, target: 0, latencyNs: 190, mibPerSecond: 15360 },
      { initiator: 2, target: 1, latencyNs: 140, mibPerSecond: 25600 },
      { initiator: 2, target: 3, latencyNs: 400, mibPerSecond: 4096 },
    ],
  },
};
