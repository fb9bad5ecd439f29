// Where this process's control groups are below a root: version 1, version 2, both at once (hybrid),
// seen from inside a cgroup namespace or through a bind mount of a part of the hierarchy.
import { dirname } from 'node:path';
import type { SystemFiles } from './system-files.js';

export interface CgroupChain {
  readonly version: 1 | 2;
  /** The directories from the process's own group up to the top that can be seen. */
  readonly directories: readonly string[];
}

interface Mount {
  readonly type: string;
  readonly options: readonly string[];
  /** Which part of the hierarchy is mounted; undefined when only /proc/mounts is there. */
  readonly root: string | undefined;
  readonly point: string;
}

/** The groups that hold this process for one controller, or undefined when it is not mounted. */
export function findCgroups(
  files: SystemFiles,
  controller: 'cpu' | 'cpuset' | 'memory',
): CgroupChain | undefined {
  const mounts = readMounts(files);
  const memberships = readMemberships(files);
  const cpuset = controller === 'cpuset' ? files.text('/proc/self/cpuset')?.trim() : undefined;
  const first = mounts.filter(
    (mount) =>
      (mount.type === 'cgroup' && mount.options.includes(controller)) ||
      (mount.type === 'cpuset' && controller === 'cpuset'),
  );
  const path1 = memberships.get(controller) ?? (memberships.size === 0 ? cpuset : undefined);
  if (first.length > 0 && (path1 !== undefined || !memberships.has(''))) {
    return { version: 1, directories: chain(files, first, path1 ?? cpuset ?? '/') };
  }
  const second = mounts.filter((mount) => mount.type === 'cgroup2');
  if (second.length === 0) return undefined;
  return { version: 2, directories: chain(files, second, memberships.get('') ?? cpuset ?? '/') };
}

/** Controller to path; the version 2 hierarchy is under ''. */
function readMemberships(files: SystemFiles): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of (files.text('/proc/self/cgroup') ?? '').split('\n')) {
    const match = /^(\d+):([^:]*):(.*)$/.exec(line);
    if (match === null) continue;
    const [, id, controllers = '', path = '/'] = match;
    if (id === '0' && controllers === '') paths.set('', path);
    else for (const name of controllers.split(',')) paths.set(name, path);
  }
  return paths;
}

function readMounts(files: SystemFiles): Mount[] {
  const detailed = files.text('/proc/self/mountinfo');
  if (detailed !== undefined) {
    return detailed.split('\n').flatMap((line) => {
      const [left = '', right] = line.split(' - ');
      if (right === undefined) return [];
      const [, , , root = '/', point = '/'] = left.split(' ');
      const [type = '', , options = ''] = right.split(' ');
      return [{ type, options: options.split(','), root: unescape(root), point: unescape(point) }];
    });
  }
  const simple = files.text('/proc/self/mounts') ?? files.text('/proc/mounts') ?? '';
  return simple.split('\n').map((line) => {
    const [, point = '/', type = '', options = ''] = line.split(' ');
    return { type, options: options.split(','), root: undefined, point: unescape(point) };
  });
}

/** The kernel writes blanks in paths as \040. */
function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

function chain(files: SystemFiles, mounts: readonly Mount[], path: string): string[] {
  for (const mount of mounts) {
    const below = relativeTo(mount.root ?? '/', path);
    if (below === undefined || !files.has(mount.point + below)) continue;
    return upward(mount.point, mount.point + below);
  }
  // The group lies outside what is mounted here (a container that kept the host's path names, or a
  // process moved out of its namespace): the top of the mount is then the nearest group in sight.
  const point = mounts[0]?.point ?? '/';
  return [point];
}

/** What follows `root` in `path` ('' for the same), undefined when it is not below. */
function relativeTo(root: string, path: string): string | undefined {
  if (path.split('/').includes('..')) return undefined;
  const trimmed = path === '/' ? '' : path;
  if (root === '/') return trimmed;
  if (trimmed === root) return '';
  return trimmed.startsWith(`${root}/`) ? trimmed.slice(root.length) : undefined;
}

function upward(top: string, start: string): string[] {
  const directories = [start];
  for (let at = start; at !== top && at.length > top.length; ) {
    at = dirname(at);
    directories.push(at);
  }
  return directories;
}
