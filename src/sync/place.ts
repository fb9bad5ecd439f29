// Where the memory of locks and their friends lies, and who this thread is there.
//
// In a process an object has a small SharedArrayBuffer of its own. An object with a name is a
// SharedRegion: a header that says what it is, a table of the threads that use it (native/core/sync/
// life_table.h), and from `objectAt` on the object. A region of zeros is a whole and valid object, so
// whoever makes it and whoever opens it do the same: each word of the header is set by a compare-exchange
// from 0, or must be what it would have been set to. So there is no instant at which a maker can die and
// leave half an object.
import { availableParallelism } from 'node:os';
import { checkOptions, invalidType, MoiraiError } from '../base/index.js';
import { SharedRegion } from '../memory/index.js';
import { native } from '../native.js';

/** Raised when the header, the table or any object lies otherwise: processes of two versions do not mix. */
const version = 1;
const magic = 0x4d4c4b00 + version; // "MLK"

/** Bytes of header and table: kRegionTableBytes of native/addon/sync.h. */
const objectAt = 16_384;
/** Words of the header: magic, what it is, identity (2), bytes, and from `parametersAt` on parameters. */
const parametersAt = 8;
const mostParameters = 8;

/** What an object is: part of the format. */
const objectKinds = {
  mutex: 1,
  condition: 2,
  rwLock: 3,
  semaphore: 4,
  barrier: 5,
  waitGroup: 6,
  once: 7,
  stack: 8,
  map: 9,
} as const;
export type ObjectKind = keyof typeof objectKinds;

/** What a kind of objects asks for. */
export interface PlaceRequest {
  readonly kind: ObjectKind;
  /** Zeros at first. */
  readonly bytes: number;
  /** Fixed for the object's life; whoever opens it by name must ask for the same. Each 0 to 2^31 - 2. */
  readonly parameters?: readonly number[] | undefined;
  /** Between processes. */
  readonly name?: string | undefined;
}

/** How an object goes to another thread of this process. */
export type PlaceHandle =
  | {
      readonly id: string;
      readonly name: string;
      readonly bytes: number;
      readonly parameters: readonly number[];
    }
  | {
      readonly id: string;
      readonly memory: SharedArrayBuffer;
      readonly bytes: number;
      readonly parameters: readonly number[];
    };

/** An object's memory, and this thread's part in it. */
export interface Place {
  /** The same for the same object in every thread. */
  readonly id: string;
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly parameters: readonly number[];
  /** For native calls. */
  readonly domain: number;
  /** How this thread is called in the object's words. */
  readonly self: number;
  readonly handle: PlaceHandle;
  /** This thread leaves; nothing for objects of the process. */
  readonly close: () => void;
}

let processDomain = 0;

function join(file: number): number {
  const domain = native.sync.join(file, availableParallelism());
  if (domain > 0) return domain;
  throw new MoiraiError('ERR_MOIRAI_SYSTEM', 'no more threads can use this object', {
    errno: -domain,
    syscall: 'mmap',
  });
}

/** A new object of this process, or the one of that name. */
export function openPlace({ kind, bytes, parameters = [], name }: PlaceRequest): Place {
  if (name !== undefined) return openNamed(kind, bytes, parameters, name);
  const id = `${native.issueTicket()}`;
  // Locks of several threads side by side would slow each other down: each begins a cache line.
  const memory = new SharedArrayBuffer(bytes + 128);
  return attachPlace(kind, { id, memory, bytes, parameters });
}

/** The object that another thread has shared. */
function attachPlace(kind: ObjectKind, handle: PlaceHandle): Place {
  const { bytes, parameters } = handle;
  if ('name' in handle) return openNamed(kind, bytes, parameters, handle.name, handle.id);
  const { id, memory } = handle;
  processDomain ||= join(-1);
  const at = native.memory.alignedFrom(new Uint8Array(memory), 64);
  return {
    id,
    words: new Int32Array(memory, at, bytes / 4),
    bytes: new Uint8Array(memory, at, bytes),
    parameters,
    domain: processDomain,
    self: native.sync.self(processDomain),
    handle,
    close: () => {},
  };
}

/** @param id of the object that must have the name: it may have been unlinked, and made anew. */
function openNamed(
  kind: ObjectKind,
  bytes: number,
  parameters: readonly number[],
  name: string,
  id?: string,
): Place {
  const region =
    id === undefined ? openRegion(name, objectAt + bytes) : SharedRegion.open(regionName(name));
  try {
    const header = new Int32Array(region.buffer, 0, 16);
    const identity = [anyNumber(), anyNumber()].map((word, i) => settle(header, 2 + i, word));
    const found = `${name}:${identity.join('.')}`;
    if (id !== undefined && id !== found) {
      throw new MoiraiError('ERR_MOIRAI_CORRUPT', `'${name}' is another object by now`);
    }
    const isOurs =
      settle(header, 0, magic) === magic &&
      settle(header, 1, objectKinds[kind]) === objectKinds[kind] &&
      settle(header, 4, bytes) === bytes;
    if (!isOurs || region.bytes < objectAt + bytes) {
      throw new MoiraiError('ERR_MOIRAI_CORRUPT', `'${name}' is not a ${kind} of this version`);
    }
    for (let i = 0; i < mostParameters; i++) {
      const wanted = (parameters[i] ?? -1) + 1;
      if (wanted === 0 || settle(header, parametersAt + i, wanted) === wanted) continue;
      throw invalidType('options', `what '${name}' was made with`, parameters[i]);
    }
    const domain = join(region.fd);
    const close = (): void => {
      native.sync.leave(domain);
      region.close();
    };
    const place: Place = {
      id: found,
      words: new Int32Array(region.buffer, objectAt, bytes / 4),
      bytes: new Uint8Array(region.buffer, objectAt, bytes),
      parameters,
      domain,
      self: native.sync.self(domain),
      handle: { id: found, name, bytes, parameters },
      close: () => {
        forgotten.unregister(place);
        close();
      },
    };
    forgotten.register(place, close, place);
    holders.set(place.bytes, place);
    return place;
  } catch (error) {
    region.close();
    throw error;
  }
}

/** Native code that keeps the bytes keeps the place: it must be done with the memory before that goes. */
const holders = new WeakMap<Uint8Array, Place>();

/** Objects that nobody closed: their thread leaves them. */
const forgotten = new FinalizationRegistry<() => void>((close) => close());

/** What the word holds from here on: the first one's value. */
function settle(header: Int32Array, index: number, value: number): number {
  return Atomics.compareExchange(header, index, 0, value) || value;
}

/** From 1 on, below 2^31: who opens another object of the name later finds another pair of them. */
function anyNumber(): number {
  return 1 + Math.floor(Math.random() * (2 ** 31 - 1));
}

/** The region of this name; made if there is none. */
function openRegion(name: string, bytes: number): SharedRegion {
  const region = regionName(name);
  for (;;) {
    try {
      return SharedRegion.open(region);
    } catch (error) {
      if (!hasErrno(error, 2)) throw error; // ENOENT
    }
    try {
      return SharedRegion.create({ name: region, bytes });
    } catch (error) {
      if (!hasErrno(error, 17)) throw error; // EEXIST: another was faster
    }
  }
}

function hasErrno(error: unknown, errno: number): boolean {
  return error instanceof MoiraiError && error.errno === errno;
}

/** Apart from the names of the user's own regions. */
function regionName(name: unknown): string {
  if (typeof name !== 'string') throw invalidType('options.shared', 'a name', name);
  return `sync.${name}`;
}

/** Takes the name away; those who have the object open keep it. Whether there was one. */
export function unlinkPlace(name: string): boolean {
  return SharedRegion.unlink(regionName(name));
}

const arriving = new WeakMap<object, Place>();

/** What a constructor takes instead of options where its object comes from another thread. */
export function arrival(kind: ObjectKind, handle: PlaceHandle): object {
  const token = Object.freeze({});
  arriving.set(token, attachPlace(kind, handle));
  return token;
}

/** Undefined: these are options. */
export function arrivedAt(options: object | undefined): Place | undefined {
  return options === undefined ? undefined : arriving.get(options);
}

/** Options of every object that can be between processes. */
export interface SharedOptions {
  /**
   * A name, as of a {@link SharedRegion}: every process of this user that asks for it has the same
   * object, which is there until `unlink`. Without one it is of this process, and goes to other threads
   * by `share`, or as an argument of a task.
   */
  readonly shared?: string | undefined;
}

export function checkShared<T extends SharedOptions>(
  options: T | undefined,
  known: readonly (keyof T & string)[],
): Partial<T> {
  return checkOptions('options', options, known);
}
