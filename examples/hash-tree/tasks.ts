// The task module: what its exported functions do, the workers do. Every worker loads it once, so the
// buffer below exists once in each, and files of any size pass through it piece by piece.
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

export interface HashedFile {
  readonly path: string;
  readonly digest: string;
  readonly bytes: number;
  /** Last modification, as `Stats.mtimeMs` has it. */
  readonly modified: number;
}

export interface UnreadableFile {
  readonly path: string;
  /** Why: the kernel's name for it, like EACCES or ENOENT. */
  readonly code: string;
}

const buffer = Buffer.allocUnsafeSlow(256 * 1024);

// Between the walk and now a file may have become a symlink or a FIFO, which must not be followed and
// must not block.
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Files one after the other: small ones come together, see `groups.ts`. */
export function hashFiles(paths: readonly string[]): (HashedFile | UnreadableFile)[] {
  return paths.map((path) => hashFile(path));
}

/**
 * The SHA-256 of a file. A file that cannot be read is a result like any other: an error thrown here
 * would reject the call, and one bad file would end the whole `map`.
 */
export function hashFile(path: string): HashedFile | UnreadableFile {
  let file: number | undefined;
  try {
    file = openSync(path, openFlags);
    const stats = fstatSync(file);
    if (!stats.isFile()) return { path, code: 'not a regular file any more' };
    const hash = createHash('sha256');
    let bytes = 0;
    for (;;) {
      // Blocking this thread is fine: it is a worker, and hashing is all that it is for.
      const length = readSync(file, buffer);
      if (length === 0) break;
      hash.update(buffer.subarray(0, length));
      bytes += length;
    }
    return { path, digest: hash.digest('hex'), bytes, modified: stats.mtimeMs };
  } catch (error) {
    return { path, code: (error as NodeJS.ErrnoException).code ?? String(error) };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
