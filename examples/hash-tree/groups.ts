// One call for one large file, or for several small ones. A call costs some microseconds on both sides,
// and so does hashing a small file: what is to gain by another core must be more than what it costs.
import type { FoundFile } from './walk.js';

const enoughBytes = 128 * 1024;
const enoughFiles = 32;

/** The paths in the order of `files`, in groups that are worth a call. */
export function groupsOf(files: readonly Pick<FoundFile, 'path' | 'bytes'>[]): string[][] {
  const groups: string[][] = [];
  let group: string[] = [];
  let bytes = 0;
  for (const file of files) {
    group.push(file.path);
    bytes += file.bytes;
    if (bytes < enoughBytes && group.length < enoughFiles) continue;
    groups.push(group);
    group = [];
    bytes = 0;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}
