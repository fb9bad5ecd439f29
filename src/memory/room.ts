// How much memory there is to be had: on nodes, and within the limits of control groups. Memory that
// is touched and not there ends in a signal or in the kernel's choosing a process to kill, so it is
// asked for before.
import { findCgroups, SystemFiles } from '../topology/index.js';
import { pageBytes } from './policy.js';

const files = new SystemFiles('/');

/** Why `bytes` more cannot be had from `nodes`; undefined: they can, as far as anyone can tell. */
export function lackOfRoom(bytes: number, nodes: Iterable<number>): string | undefined {
  const list = [...nodes];
  const room = roomOnNodes(list);
  if (room !== undefined && room < bytes) {
    const where = list.length === 1 ? `node ${list[0]} has` : `nodes ${list.join(', ')} have`;
    return `${where} ${room} bytes to give, ${bytes} are needed`;
  }
  const group = roomInGroups();
  if (group !== undefined && group.bytes < bytes) {
    return `the memory limit of ${group.path} leaves ${group.bytes} bytes, ${bytes} are needed`;
  }
  return undefined;
}

/** The figures of /sys/devices/system/node/nodeN/meminfo, in bytes; undefined: there is no such node. */
export function readMeminfo(node: number): ReadonlyMap<string, number> | undefined {
  const text = files.text(`/sys/devices/system/node/node${node}/meminfo`);
  if (text === undefined) return undefined;
  const lines = text.matchAll(/^Node\s+\d+\s+([^:]+):\s*(\d+)/gmu);
  return new Map([...lines].map(([, name = '', value]) => [name, Number(value) * 1024]));
}

/** numastat's counters of a node, in pages. */
export function readNumastat(node: number): ReadonlyMap<string, number> {
  const text = files.text(`/sys/devices/system/node/node${node}/numastat`) ?? '';
  const lines = text.matchAll(/^(\w+) (\d+)$/gmu);
  return new Map([...lines].map(([, name = '', value]) => [name, Number(value)]));
}

/** What the kernel calls MemAvailable, of some nodes: it gives that figure for the machine only. */
export function roomOnNodes(nodes: readonly number[]): number | undefined {
  const reserves = readReserves();
  let room = 0;
  for (const node of nodes) {
    const info = readMeminfo(node);
    if (info === undefined) return wholeMachine();
    const reserve = reserves.get(node) ?? 0;
    const cache = (info.get('Active(file)') ?? 0) + (info.get('Inactive(file)') ?? 0);
    const slab = info.get('SReclaimable') ?? 0;
    // Half of either is in use, or as good as in use: the kernel's own guess (si_mem_available).
    const reclaimable = [cache, slab].map((bytes) => bytes - Math.min(bytes / 2, reserve));
    const free = (info.get('MemFree') ?? 0) - reserve;
    room += Math.max(0, free + reclaimable.reduce((sum, bytes) => sum + bytes));
  }
  return Math.floor(room);
}

/** A kernel without NUMA has no nodes. */
function wholeMachine(): number | undefined {
  const match = /^MemAvailable:\s*(\d+)/mu.exec(files.text('/proc/meminfo') ?? '');
  return match === null ? undefined : Number(match[1]) * 1024;
}

/** By node, the bytes of its zones that are kept for the kernel and for lower zones. */
function readReserves(): Map<number, number> {
  const reserves = new Map<number, number>();
  const zones = (files.text('/proc/zoneinfo') ?? '').split(/^(?=Node \d+, zone)/mu);
  for (const zone of zones) {
    const node = /^Node (\d+), zone/u.exec(zone)?.[1];
    if (node === undefined) continue;
    const number = (name: string): number =>
      Number(new RegExp(`^\\s+${name}\\s+(\\d+)`, 'mu').exec(zone)?.[1] ?? 0);
    const protection = /protection: \(([\d, ]*)\)/u.exec(zone)?.[1] ?? '';
    const kept = Math.max(0, ...protection.split(',').map(Number)) + number('high');
    const bytes = Math.min(kept, number('managed')) * pageBytes;
    reserves.set(Number(node), (reserves.get(Number(node)) ?? 0) + bytes);
  }
  return reserves;
}

interface GroupRoom {
  readonly path: string;
  readonly bytes: number;
}

/** Of all the groups that hold this process, the one that leaves least. */
function roomInGroups(): GroupRoom | undefined {
  const chain = findCgroups(files, 'memory');
  if (chain === undefined) return undefined;
  const [limitFile, usedFile, cacheName] =
    chain.version === 2
      ? ['memory.max', 'memory.current', 'inactive_file']
      : ['memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file'];
  let least: GroupRoom | undefined;
  for (const path of chain.directories) {
    const limit = files.integer(`${path}/${limitFile}`);
    const used = files.integer(`${path}/${usedFile}`);
    // "max", or version 1's largest number of pages.
    if (limit === undefined || used === undefined || limit > 2 ** 60) continue;
    const statistics = files.text(`${path}/memory.stat`) ?? '';
    const cache = new RegExp(`^${cacheName} (\\d+)$`, 'mu').exec(statistics)?.[1] ?? 0;
    const bytes = Math.max(0, limit - used + Number(cache));
    if (least === undefined || bytes < least.bytes) least = { path, bytes };
  }
  return least;
}
