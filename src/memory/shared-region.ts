// Memory that processes share: a file of tmpfs with a name, or one that only a descriptor leads to.
// Whoever can open a region finds it whole: it gets its name when its size is final and its space is
// reserved. The file's rights are the only guard, so they are checked on both sides.
import { checkBoolean, checkOptions, invalidType, MoiraiError } from '../base/index.js';
import { native, type NativeMapping } from '../native.js';
import { argumentOf, checkBytes, checkPlace, place, sourcesOf } from './place.js';
import type { Placement, PlaceOptions } from './place.js';
import { checkRoom } from './prefault.js';
import { checked, directory, inspect, map, pathOf, reserve } from './region-files.js';
import { errno, failure, type Shortfall } from './shortfall.js';

/** Options of `SharedRegion.create`. */
export interface RegionOptions extends PlaceOptions {
  readonly bytes: number;
  /**
   * 1 to 200 letters, digits, `.`, `_` and `-`, the first a letter or digit; a user's own names.
   * Without one the region is a memfd: hand `fd` on by `stdio` of a child process, or to a Worker.
   */
  readonly name?: string | undefined;
  /** A place that cannot be granted is an error instead of an entry in `degraded`. Default false. */
  readonly required?: boolean | undefined;
}

/** A view over a region's buffer: `Int32Array`, `DataView`, … */
export interface RegionViewConstructor<V> {
  new (buffer: ArrayBuffer, byteOffset: number, length: number): V;
  readonly BYTES_PER_ELEMENT?: number;
}

/**
 * A piece of memory that several processes of one user see at once. `buffer` is a plain ArrayBuffer to
 * JavaScript: Atomics on it are atomic across threads and processes, `Atomics.wait` throws on it, and
 * posting it copies it. Each thread that wants the memory opens the region itself.
 *
 * All its space is reserved when it is made: a full /dev/shm is an error then, never a signal later. It
 * is the owner's alone (mode 0600). A named region is there until `unlink`, also after a crash.
 *
 * @example
 * using counters = SharedRegion.create({ name: 'counters', bytes: 4096 });
 * Atomics.add(counters.view(Int32Array), 0, 1);
 * // in another process of the same user
 * using same = SharedRegion.open('counters');
 */
export class SharedRegion implements Disposable {
  readonly name: string | undefined;
  readonly bytes: number;
  /** Detached by `close`: of length 0 from then on. */
  readonly buffer: ArrayBuffer;
  /** What became of the wish for a place; `default` where the region was opened. */
  readonly placement: Placement;
  readonly degraded: readonly Shortfall[];
  readonly #mapping: NativeMapping;
  #file: number;

  private constructor(
    name: string | undefined,
    bytes: number,
    mapping: NativeMapping,
    file: number,
    placement: Placement = 'default',
    degraded: readonly Shortfall[] = [],
  ) {
    this.name = name;
    this.bytes = bytes;
    this.buffer = mapping.buffer;
    this.placement = placement;
    this.degraded = degraded;
    this.#mapping = mapping;
    this.#file = file;
  }

  /**
   * Makes a region of zeros. Blocks while its pages are got.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`.
   * @throws MoiraiError `ERR_MOIRAI_OUT_OF_MEMORY`: /dev/shm, the node, or a control group's limit has
   * no room; `ERR_MOIRAI_TOO_LARGE`: more than this Node can wrap (4 GiB on Node 20); `ERR_MOIRAI_SYSTEM` with errno EEXIST: there is one of this name; `ERR_MOIRAI_PERMISSION`,
   * `ERR_MOIRAI_NOT_SUPPORTED`: no /dev/shm, or one that cannot be written to.
   */
  static create(options: RegionOptions): SharedRegion {
    if (options === undefined) throw invalidType('options', 'an options object', options);
    const known = ['bytes', 'name', 'node', 'policy', 'required'] as const;
    const given = checkOptions('options', options, known);
    const bytes = checkBytes(given.bytes, 'options.bytes');
    const path = given.name === undefined ? undefined : pathOf(given.name, 'options.name');
    const wanted = checkPlace(given);
    if (given.required !== undefined) checkBoolean('options.required', given.required);
    const { region } = native;
    const capability = path === undefined ? 'memfd' : 'sharedMemory';
    const file = checked(
      region.create(path === undefined ? null : directory, bytes),
      path === undefined ? 'memfd_create' : 'open',
      capability,
    );
    const mapping = map(file, bytes);
    try {
      const view = new Uint8Array(mapping.buffer);
      const placed =
        wanted === undefined ? undefined : place(view, 0, bytes, argumentOf(given), wanted, 0);
      const [first] = placed?.shortfalls ?? [];
      if (given.required === true && first !== undefined) throw failure(first);
      checkRoom(bytes, sourcesOf(placed?.policy));
      reserve(file, bytes);
      if (path !== undefined) checked(-region.publish(file, path), 'linkat', capability, path);
      return new SharedRegion(
        given.name,
        bytes,
        mapping,
        file,
        placed?.placement,
        placed?.shortfalls,
      );
    } catch (error) {
      region.close(mapping);
      throw error;
    }
  }

  /**
   * Opens a region by its name, or by a descriptor that came from another process or thread. Of the
   * descriptor a duplicate is kept; the caller's own stays open.
   *
   * @throws TypeError or RangeError `ERR_MOIRAI_INVALID_ARGUMENT`.
   * @throws MoiraiError `ERR_MOIRAI_PERMISSION`: it is another user's, or others may write to it;
   * `ERR_MOIRAI_SYSTEM` with errno ENOENT: there is none of this name; `ERR_MOIRAI_CORRUPT`: what is
   * there is no region; `ERR_MOIRAI_OUT_OF_MEMORY`.
   */
  static open(source: string | { readonly fd: number }): SharedRegion {
    const { region } = native;
    let file: number;
    if (typeof source === 'string') {
      const path = pathOf(source, 'source');
      file = checked(region.open(path), 'open', 'sharedMemory', path);
    } else {
      if (typeof source !== 'object' || source === null || !Number.isInteger(source.fd)) {
        throw invalidType('source', "a region's name, or { fd }", source);
      }
      file = checked(region.duplicate(source.fd), 'fcntl');
    }
    let bytes: number;
    try {
      bytes = inspect(file);
      // Another maker may have left holes, and a hole that cannot be filled is a signal.
      reserve(file, bytes);
    } catch (error) {
      region.closeFile(file);
      throw error;
    }
    const name = typeof source === 'string' ? source : undefined;
    return new SharedRegion(name, bytes, map(file, bytes), file);
  }

  /**
   * Takes the name away; those who have the region open keep it.
   *
   * @returns whether there was one.
   * @throws MoiraiError `ERR_MOIRAI_PERMISSION`.
   */
  static unlink(name: string): boolean {
    const error = native.region.unlink(pathOf(name, 'name'));
    if (error === errno.ENOENT) return false;
    checked(-error, 'unlink', 'sharedMemory');
    return true;
  }

  /** The region's descriptor, −1 after `close`: for `stdio` of a child process, and for Workers. */
  get fd(): number {
    return this.#file;
  }

  /**
   * A view of all of it.
   *
   * @throws MoiraiError `ERR_MOIRAI_CLOSED`.
   */
  view<V>(Constructor: RegionViewConstructor<V>): V {
    if (typeof Constructor !== 'function') {
      throw invalidType('Constructor', 'a constructor of views, such as Int32Array', Constructor);
    }
    if (this.#file < 0) throw new MoiraiError('ERR_MOIRAI_CLOSED', 'the region was closed');
    const length = Math.floor(this.bytes / (Constructor.BYTES_PER_ELEMENT ?? 1));
    return new Constructor(this.buffer, 0, length);
  }

  /** {@link SharedRegion.unlink} of its own name; false for one without. */
  unlink(): boolean {
    return this.name !== undefined && SharedRegion.unlink(this.name);
  }

  /**
   * Detaches `buffer`, closes the descriptor, and has the memory unmapped; again does nothing. The name
   * stays. A thread that ends closes what it has left open.
   */
  close(): void {
    if (this.#file < 0) return;
    this.#file = -1;
    native.region.close(this.#mapping);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
