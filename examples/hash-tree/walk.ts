// Finds the regular files of a tree. Symlinks are not followed, so there are no circles to walk in.
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { UnreadableFile } from './tasks.js';

export interface FoundFile {
  readonly path: string;
  readonly bytes: number;
}

export interface Tree {
  readonly files: FoundFile[];
  readonly unreadable: UnreadableFile[];
  readonly bytes: number;
  readonly symlinks: number;
  /** Devices, sockets, FIFOs. */
  readonly special: number;
}

export function walk(root: string): Tree {
  const files: FoundFile[] = [];
  const unreadable: UnreadableFile[] = [];
  let bytes = 0;
  let symlinks = 0;
  let special = 0;
  // A list of what is left to visit, not a recursion: trees may be deeper than the stack.
  const directories = [root];
  for (let directory; (directory = directories.pop()) !== undefined; ) {
    try {
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        const path = join(directory, entry.name);
        if (entry.isDirectory()) directories.push(path);
        else if (entry.isSymbolicLink()) symlinks++;
        else if (!entry.isFile()) special++;
        else {
          try {
            const { size } = lstatSync(path);
            files.push({ path, bytes: size });
            bytes += size;
          } catch (error) {
            unreadable.push({ path, code: codeOf(error, path) });
          }
        }
      }
    } catch (error) {
      // No permission, or removed since its parent was read.
      unreadable.push({ path: directory, code: codeOf(error, directory) });
    }
  }
  return { files, unreadable, bytes, symlinks, special };
}

function codeOf(error: unknown, path: string): string {
  const { code } = error as NodeJS.ErrnoException;
  // Linux allows any bytes in a name. What is not UTF-8 has become U+FFFD and is not found by it.
  if (code === 'ENOENT' && path.includes('\uFFFD')) return 'EILSEQ (its name is not UTF-8)';
  return code ?? String(error);
}
