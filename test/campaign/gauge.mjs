// What a process has at a time, and whether it has more at the end than at the beginning.
import { readdirSync, readlinkSync } from 'node:fs';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Without those of modules: Node leaves one open where a worker was ended while it was being read, which
 * closing an executor by force in the midst of a birth does.
 */
function descriptors() {
  return readdirSync('/proc/self/fd').filter((name) => {
    try {
      return !/\.m?js$/u.test(readlinkSync(`/proc/self/fd/${name}`));
    } catch {
      return false; // the one by which the directory was read
    }
  }).length;
}

/** Call it when no executor is open. */
export async function measure() {
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await sleep(5);
  }
  const { heapUsed, rss } = process.memoryUsage();
  return {
    threads: readdirSync('/proc/self/task').length,
    descriptors: descriptors(),
    heapMb: heapUsed / 1e6,
    rssMb: rss / 1e6,
  };
}

/**
 * How much more the last quarter may have than the first.
 * threads: none; every one belongs to an executor that is closed.
 * descriptors: an executor's eventfds, one a seat, go with the last of its objects, of which the collector
 * may not have found all; a descriptor lost in each life would be dozens.
 * heap: after a full collection there remain compiled code, feedback of functions that became hot late,
 * and what weak callbacks have not yet released; a leak of 100 bytes a task would be 100 MB in a million.
 * rss: what malloc and V8 keep of the pages that the largest executor so far has used; executors differ
 * in size by 5 MB, and those that overlap with workers' heaps by ten times that.
 */
const bounds = { threads: 0, descriptors: 6, heapMb: 8, rssMb: 100 };

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Medians of the first and the last quarter, and what has grown out of bounds. */
export function compare(samples) {
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const first = {};
  const last = {};
  const grown = [];
  for (const [name, bound] of Object.entries(bounds)) {
    first[name] = median(samples.slice(0, quarter).map((sample) => sample[name]));
    last[name] = median(samples.slice(-quarter).map((sample) => sample[name]));
    if (last[name] - first[name] > bound) {
      grown.push(`${name} grew from ${first[name]} to ${last[name]}, by more than ${bound}`);
    }
  }
  return { first, last, grown };
}
