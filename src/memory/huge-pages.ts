// Larger pages, by advice or from the machine's pool. V8's memory cannot be made of the latter: there
// the memory is ours, and Node wraps it, where it can.
import { native } from '../native.js';
import { SystemFiles } from '../topology/index.js';
import { errno, refusal, type Shortfall } from './shortfall.js';

const files = new SystemFiles('/');

/** MADV_HUGEPAGE. The kernel follows the advice where it finds free memory, for aligned parts only. */
export function advise(view: Uint8Array): Shortfall | undefined {
  const mode = files.text('/sys/kernel/mm/transparent_hugepage/enabled') ?? '';
  if (mode.includes('[never]')) {
    return missing('transparentHugePages', 'transparent huge pages are turned off on this machine');
  }
  const error = native.memory.adviseHugePages(view, 0, view.length);
  if (error !== 0) return refusal('hugePages', 'madvise', error, 'transparentHugePages');
  const size = files.integer('/sys/kernel/mm/transparent_hugepage/hpage_pmd_size') ?? 2 ** 21;
  if (native.memory.alignedFrom(view, size) + size <= view.length) return undefined;
  const why = `no part of the memory is a huge page of ${size} bytes: ask for ${2 * size} or more`;
  return missing('transparentHugePages', why);
}

/** A buffer of explicit huge pages, or why there is none. `nodes`: where they must come from. */
export function explicitPages(
  bytes: number,
  nodes: readonly number[] | undefined,
): SharedArrayBuffer | Shortfall {
  const match = /^Hugepagesize:\s*(\d+) kB/mu.exec(files.text('/proc/meminfo') ?? '');
  if (match === null) return missing('hugePages', 'the kernel has no huge pages');
  const size = Number(match[1]) * 1024;
  const count = Math.ceil(bytes / size);
  // The kernel reserves from the whole machine's pool; a bound page that its node lacks is a signal.
  const pools = nodes?.map(
    (node) =>
      files.integer(
        `/sys/devices/system/node/node${node}/hugepages/hugepages-${size / 1024}kB/free_hugepages`,
      ) ?? 0,
  );
  const free = pools?.reduce((sum, pages) => sum + pages, 0);
  if (free !== undefined && free < count) {
    const why = `nodes ${nodes?.join(', ')} have ${free} free huge pages, ${count} are needed`;
    return missing('hugePages', `${why}: sysctl vm.nr_hugepages=N`);
  }
  const buffer = native.memory.hugeBuffer(count * size);
  if (typeof buffer !== 'number') return buffer;
  if (buffer === errno.ENOSYS) {
    const why = 'this Node cannot wrap foreign memory: 22.23.3, 24.16 and 26.1 can';
    return missing('hugePages', why);
  }
  const why = `${count} huge pages are not free in the machine's pool: sysctl vm.nr_hugepages=N`;
  return refusal('hugePages', 'mmap', buffer, 'hugePages', why);
}

function missing(capability: 'hugePages' | 'transparentHugePages', why: string): Shortfall {
  return { what: 'hugePages', why, capability, code: 'ERR_MOIRAI_NOT_SUPPORTED' };
}
