// What the kernel does with memory behind a program's back, and how much of the shared kind there is.
import { findCgroups } from '../topology/cgroups.js';
import {
  improvable,
  missing,
  ok,
  sysctl,
  unknown,
  write,
  type Check,
  type Verdict,
} from './check.js';
import type { Machine } from './machine.js';

const hugePagesFile = '/sys/kernel/mm/transparent_hugepage/enabled';
const mebibyte = 2 ** 20;

function lookAtHugePages({ files }: Machine): Verdict {
  const chosen = /\[(\w+)\]/.exec(files.text(hugePagesFile) ?? '')?.[1];
  if (chosen === undefined)
    return files.has('/sys/kernel') ? ok('not built in') : unknown('no /sys/kernel');
  if (chosen !== 'always') return ok(chosen);
  return improvable(chosen, {
    now: write('madvise', hugePagesFile),
    boot: 'transparent_hugepage=madvise',
  });
}

function lookAtSwap({ files }: Machine): Verdict {
  const table = files.text('/proc/swaps');
  if (table === undefined) return unknown('no /proc/swaps');
  const devices = table.trim().split('\n').slice(1);
  if (devices.length === 0) return ok('none');
  const [group] = findCgroups(files, 'memory')?.directories ?? [];
  if (files.integer(`${group}/memory.swap.max`) === 0) return ok('none for this control group');
  const names = devices.map((line) => line.split(/\s/)[0]).join(', ');
  return improvable(names, {
    now: 'sudo swapoff -a',
    keep: "sudo sed -i '/\\sswap\\s/s/^#*/#/' /etc/fstab",
    unit: 'MemorySwapMax=0',
    docker: '--memory-swappiness=0',
  });
}

function lookAtSharedMemory({ files }: Machine): Verdict {
  const mounts = files.text('/proc/self/mounts') ?? files.text('/proc/mounts');
  if (mounts === undefined) return unknown('no /proc/mounts');
  const options = /^\S+ \/dev\/shm \S+ (\S+)/m.exec(mounts)?.[1];
  if (options === undefined) {
    return missing('/dev/shm is not mounted', {
      now: 'sudo mount -t tmpfs -o mode=1777 tmpfs /dev/shm',
      keep: "echo 'tmpfs /dev/shm tmpfs mode=1777 0 0' | sudo tee -a /etc/fstab",
      docker: '--shm-size=1g',
    });
  }
  const bytes = sizeOf(options) ?? halfOfMemory(files.text('/proc/meminfo') ?? '');
  if (bytes === undefined) return unknown('its size is not told');
  const found = `${Math.floor(bytes / mebibyte)} MiB`;
  if (bytes > 64 * mebibyte) return ok(found);
  return improvable(found, {
    now: 'sudo mount -o remount,size=1G /dev/shm',
    docker: '--shm-size=1g',
  });
}

function sizeOf(options: string): number | undefined {
  const match = /(?:^|,)size=(\d+)([kmg]?)(?:,|$)/.exec(options);
  if (match === null) return undefined;
  const units: Record<string, number> = { '': 1, k: 1024, m: mebibyte, g: 1024 * mebibyte };
  return Number(match[1]) * (units[match[2] ?? ''] ?? 1);
}

/** What a tmpfs has unless it was told otherwise. */
function halfOfMemory(meminfo: string): number | undefined {
  const kilobytes = /^MemTotal:\s*(\d+)/m.exec(meminfo)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 512;
}

function lookAtOvercommit({ files }: Machine): Verdict {
  const mode = files.integer('/proc/sys/vm/overcommit_memory');
  if (mode === undefined) return unknown('no vm.overcommit_memory');
  return mode === 2 ? improvable('2', sysctl('vm.overcommit_memory', 0)) : ok(`${mode}`);
}

export const memory: readonly Check[] = [
  {
    name: 'transparent huge pages',
    group: 'memory',
    why: 'With always, the kernel compacts memory and joins pages while threads want to use them.',
    look: lookAtHugePages,
  },
  {
    name: 'swap',
    group: 'memory',
    why: 'A page that was swapped out comes back after milliseconds, in the middle of a tick.',
    look: lookAtSwap,
  },
  {
    name: 'shared memory',
    group: 'memory',
    why: 'Channels, locks and regions between processes are files in /dev/shm.',
    look: lookAtSharedMemory,
  },
  {
    name: 'overcommit',
    group: 'memory',
    why: 'Each isolate reserves much more address space than it uses, and strict accounting refuses it.',
    look: lookAtOvercommit,
  },
];
