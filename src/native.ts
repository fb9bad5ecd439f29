// The whole border to C++: the only file that loads the addon, and every function it has, typed.
// Nothing here is public; arguments were checked by the callers (C++ checks again for memory safety).
import { createRequire } from 'node:module';
import { workerData } from 'node:worker_threads';
import { type LoadedAddon, loadAddon } from './platform/index.js';

export interface NativeAddon {
  readonly affinity: NativeAffinity;
  readonly capabilities: NativeCapabilities;
  readonly memory: NativeMemory;
  readonly region: NativeRegion;
  readonly numaPool: NativeNumaPools;
  readonly processChannel: NativeProcessChannels;
  readonly realtime: NativeRealtime;
  readonly sync: NativeSync;
  readonly sharedStack: NativeSharedStacks;
  readonly sharedMap: NativeSharedMaps;
  readonly turnstile: NativeTurnstiles;

  /**
   * Creates an executor's shared state on the calling thread, its owner. `memory` begins with `slots`
   * task slots, may grow in place to `maxBytes`, and is 64-byte aligned. `onCompletions` is called
   * from the event loop when `reap` has something; `scratch` (8 numbers) and `reaped` (slot indices)
   * receive results of more than one number. `seats`: how many there can be. Queues 0 to `nodes` - 1
   * are the nodes', queue `nodes` is for tasks that block their thread. `cpus`: how many this process
   * may use at a time. `steal`: 0 none, 1 one, 2 half, 3 a quarter, 4 adaptive. `statistics`: times
   * are taken; `retain`: how many finished tasks are remembered. `payloadNodes`: Linux's numbers of the
   * nodes on which payloads are, those of the queues first; `ownerNode`: the owner's, by index.
   */
  openExecutor(
    memory: Uint8Array,
    maxBytes: number,
    slots: number,
    seats: number,
    nodes: number,
    cpus: number,
    spinNs: number,
    onCompletions: () => void,
    scratch: Float64Array,
    reaped: Uint32Array,
    steal: number,
    statistics: boolean,
    retain: number,
    payloadNodes: Int32Array,
    ownerNode: number,
  ): NativeOwner;

  /** The calling worker's event loop will wake for this seat; before any user code of the worker. */
  joinLoop(executor: number, seat: number): void;

  /** Seats the calling worker thread; `onWork` is called from its event loop when tasks wait. */
  attachWorker(
    executor: number,
    seat: number,
    memory: Uint8Array,
    onWork: () => void,
    scratch: Float64Array,
    spinNs: number,
  ): NativeSeat;

  /** What a channel's memory must have: `kind` as in kinds.ts; `capacity` is a power of two for rings. */
  channelBytes(kind: number, capacity: number, messageBytes: number): number;
  /**
   * The number of a new channel in this memory, which is zeroed and page aligned. `cpus`: how many the
   * process may use at a time, as far as is known.
   */
  openChannel(
    memory: Uint8Array,
    kind: number,
    capacity: number,
    messageBytes: number,
    cpus: number,
  ): number;
  /**
   * The channel's messages are numbers of blocks in these regions; what is not received goes back there.
   * False: they hold no such pool. Before any end is attached; each end keeps the regions.
   */
  setChannelBlocks(
    id: number,
    regions: readonly Uint8Array[],
    blockBytes: number,
    blocks: number,
  ): boolean;
  /**
   * An end of a channel on this thread. `onChange` is called from the event loop while waiting is set
   * and a call would do something. Throws CLOSED where there is no such end to be had.
   */
  attachSender(this: void, id: number, memory: Uint8Array, onChange: () => void): NativeSender;
  /** `place`: what `another` gave for it; 0: any. */
  attachReceiver(
    this: void,
    id: number,
    memory: Uint8Array,
    onChange: () => void,
    place: number,
  ): NativeReceiver;

  /** An end that is on its way will arrive nowhere, and closes. */
  dropEnd(id: number, sends: boolean, place: number): void;

  /** A number that can be redeemed once, by whichever thread of this process comes first; never 0. */
  issueTicket(): number;
  redeemTicket(ticket: number): boolean;
  /** Whether the caller may try to redeem it; to be settled then: it was, or it is good again. */
  holdTicket(ticket: number): boolean;
  settleTicket(ticket: number, redeemed: boolean): void;

  /**
   * Sets a timer of this thread to so many milliseconds from now, less than 0: to never. It is due to some
   * microseconds, and keeps the process alive until then. Undefined where there is no descriptor for one.
   */
  openTimer(onTime: () => void): ((milliseconds: number) => void) | undefined;

  /** Tells the calling thread's garbage collector of memory that hangs on its objects unseen. */
  adjustMemory(bytes: number): void;
  /** memmove between two byte arrays, either of which may be shared; throws outside of their bounds. */
  copy(target: Uint8Array, at: number, source: Uint8Array, from: number, bytes: number): void;
}

/** An end of a channel: see channel/native-end.ts, which says what can be asked. */
export interface NativeChannelEnd {
  request(what: number, argument?: number | boolean): unknown;
  /** Where JavaScript works the ring itself, instead of the calls for messages (channel/spsc-side.ts). */
  readonly ring?: NativeRing;
}

/** Where a ring of one sender and one receiver has what: bytes from the start of its memory. */
export interface NativeRing {
  readonly sent: number;
  readonly toSender: number;
  readonly received: number;
  readonly toReceiver: number;
  readonly slots: number;
  /** From one slot to the next. */
  readonly stride: number;
  /** The bits of `toSender` and `toReceiver`: the other side waits, and has closed. */
  readonly waits: number;
  readonly gone: number;
}

/**
 * Calls that can fail give -1 for "would have to wait", -2 for "nobody there", -3 for "corrupt", -4 for
 * "out of memory". Functions without `this`; those of a channel whose messages have the size for it.
 */
export interface NativeSender extends NativeChannelEnd {
  /** 1, or why not. */
  readonly sendF64?: (value: number) => number;
  readonly sendU32?: (value: number) => number;
  /** How many of the numbers from there on went, or why none did. */
  readonly sendMany?: (numbers: Float64Array | Uint32Array, from: number) => number;
  /** The byte offset of a slot, the same until commit or abort, or why there is none. */
  readonly claim?: () => number;
  /** False: it was not sent: nobody waited for it (kind rendezvous), or its memory is gone (processes). */
  readonly commit?: () => boolean;
}

export interface NativeReceiver extends NativeChannelEnd {
  /** Undefined: ask `peek` why. */
  readonly receiveF64?: () => number | undefined;
  readonly receiveU32?: () => number | undefined;
  /** How many came, into the places from there on, or why none did. */
  readonly receiveMany?: (numbers: Float64Array | Uint32Array, from: number) => number;
  /** The byte offset of the oldest message, the same until release, or why there is none. */
  readonly peek?: () => number;
  /** False: the memory was gone before, what was read may have been anything. */
  readonly release?: () => boolean;
}

/** Both sides of an executor: a slot's payload. */
export interface NativePayload {
  /**
   * Moves the first `used` bytes of the slot's payload to a block for at least `needed`, on the node of
   * queue `node`; a worker's blocks are on the owner's node. scratch:
   * [byte offset, capacity], or [-1, bytes the memory must have first (0: more than it can have)].
   */
  reserve(slot: number, used: number, needed: number, node: number): void;
  /** Frees the slot's block, if it has one. */
  discard(slot: number): void;
  /** The memory has grown to this size. */
  grow(bytes: number): void;
}

export interface NativeOwner extends NativePayload, NativeStatistics {
  readonly id: number;
  /**
   * Makes a seat, or moves it, also while its worker runs. `order`: where it searches, nearest first:
   * seat number + distance class * 2 ** 24, or 0x80000000 + queue. A node's seat has the queues of all
   * nodes in it, a blocking one that queue alone; neither has seats of the other kind.
   */
  setSeat(seat: number, queue: number, cpu: number, order: Uint32Array): void;
  submit(slot: number, queue: number): void;
  /** The task is to be done within so long: it runs before others of its priority, by deadline. */
  submitBefore(slot: number, queue: number, milliseconds: number): void;
  /** Takes a queued task back; false: started or finished. The slot returns through `reap`. */
  cancel(slot: number): boolean;
  /** Marks a task that has begun as one that should end; false: not begun, or finished. */
  requestCancel(slot: number): boolean;
  /** The worker that has begun the slot's task begins no other; false: it has the task no longer. */
  barSeatOf(slot: number): boolean;
  /** What the seat's worker, now gone, had claimed and not begun waits again; how many. */
  requeue(seat: number): number;
  /** Fills `reaped` with slots that came back; how many. */
  reap(): number;
  /** Fills `reaped` with slots of cancelled tasks, taken out of the queues; how many. */
  sweep(): number;
  /** Blocks the thread; true: something can be reaped. Ends early when a worker has left. */
  wait(milliseconds: number): boolean;
  /** Tasks that no worker has begun. */
  backlog(): number;
  /** Of these, the ones in a queue, which nobody has claimed. */
  backlogOf(queue: number): number;
  /** Workers that sleep and would serve the queue. */
  idleSeats(queue: number): number;
  /** Fills `reaped` with slots that the worker of this seat, now gone, had begun; how many. */
  startedBy(seat: number): number;
  reclaim(slot: number): void;
  /** scratch: [started, stolen, thread id or 0, last CPU or -1, hints honoured, hints missed]. */
  seatStats(seat: number): void;
  /** For how many milliseconds the worker of this seat has been asleep; 0: it is not, or nobody is. */
  idleFor(seat: number): number;
  /** The slot whose task keeps the thread of this seat busy, or -1. */
  runningOn(seat: number): number;
  close(): void;
}

/** What an executor's owner asks about times, ends and workers. Durations are in ns. */
interface NativeStatistics {
  /** scratch: [CPU ns, preemptions, heap bytes, age of that or -1, steals by distance (4)]. */
  samples(seat: number): void;
  /**
   * Of one seat or all (-1): waiting by priority, of any priority (-1), or running (5). Writes
   * [least, greatest, sum, buckets, then lower bound, upper bound, count of each]; how many numbers.
   */
  histogram(seat: number, which: number, out: Float64Array): number;
  /** scratch: how many tasks are [done, failed, cancelled, lost], how many deadlines were [met, missed]. */
  outcomes(): void;
  /** The slot's task has ended, and not done (outcome 1 to 3); its place among the kept, or -1. */
  ended(slot: number, outcome: number): number;
  /**
   * The kept tasks that are done, or the others, from the `from`th oldest on, 7 numbers each: [id,
   * task word, outcome, seat or -1, since queued, waited, ran]; how many tasks.
   * scratch[0]: the first one's place.
   */
  finished(done: boolean, from: number, out: Float64Array): number;
  /** How a kept task ended, or -1. */
  outcomeOf(id: number): number;
  /** Of tasks that are not finished, 3 numbers each: since queued, waited and ran so far. */
  ages(slots: Uint32Array, out: Float64Array): void;
  /** scratch: [CPU ns, preemptions] of a measured task that has come back. */
  use(slot: number): void;
}

export interface NativeSeat extends NativePayload {
  /** Hands back `finished` (2 * slot, + 1 if it failed; negative: none); the next slot or -1. */
  next(finished: number): number;
  /** Hands back a task that went on asynchronously. */
  complete(slot: number, generation: number, failed: boolean): void;
  /** Asks the owner for the arguments by message; `resume` when they have come. */
  awaitPort(slot: number): void;
  resume(slot: number): void;
  setSaturated(saturated: boolean): void;
  /** The task that was resumed goes on asynchronously. */
  wentOn(): void;
  /** Bytes in use on this worker's heap: asked for by scratch[7] being 1. */
  tellHeap(bytes: number): void;
  /** Milliseconds until the deadline of the slot's task, Infinity if it has none. */
  remaining(slot: number): number;
}

interface NativeAffinity {
  /** sched_getaffinity of the calling thread: CPU numbers, ascending; a number is the errno. */
  getAffinity(): number[] | number;
  /** sched_setaffinity of the calling thread, null for all CPUs; 0 or the errno. */
  setAffinity(cpus: readonly number[] | null): number;
  /** What the main thread may use, from before it was pinned; a number is the errno. */
  processMask(): NativeProcessMask | number;
  /** Keeps the main thread's mask while it is pinned; nothing on other threads. */
  rememberProcessMask(cpus: readonly number[], unrestricted: boolean): void;
  forgetProcessMask(): void;
  /** getcpu: the CPU the calling thread runs on right now. */
  readonly currentCpu: () => number;
  /** getcpu: its NUMA node. */
  readonly currentNode: () => number;
}

interface NativeProcessMask {
  readonly cpus: readonly number[];
  /** The main thread is pinned; `cpus` is from before. */
  readonly pinned: boolean;
  /** Only the cpuset bounded it then. */
  readonly unrestricted: boolean;
}

interface NativeCapabilities {
  /** Tries every call in a forked child, memory policies with `node`. See native/core/capabilities/probes.h. */
  probe(node: number): readonly NativeProbe[] | number;
}

export interface NativeProbe {
  readonly name: string;
  /** 0, the errno of the call, or -1 when the child died before the result. */
  readonly errno: number;
  /** The errno of the same call with nonsense arguments; EINVAL unless a filter answers first. */
  readonly control: number;
  /** The signal that ended the child in this probe, or 0. */
  readonly signal: number;
  /** What the call returned, where that says more than success. */
  readonly value: number;
}

/**
 * System calls on memory: 0 or the errno. A range is `bytes` bytes from `at` on of `view`, which must
 * begin a page there and own its last page whole, as a growable SharedArrayBuffer does. `mode` is the
 * kernel's number of a policy.
 */
interface NativeMemory {
  readonly pageBytes: number;
  /** set_mempolicy of the calling thread. */
  setPolicy(mode: number, nodes: Uint32Array): number;
  /** get_mempolicy of the calling thread; out: [mode, how many nodes, nodes…]. */
  getPolicy(out: Uint32Array): number;
  /** The nodes that the cpuset allows; out: [0, how many nodes, nodes…]. */
  allowedNodes(out: Uint32Array): number;
  /** mbind; flags: 1 EIO when a page is elsewhere, 2 move pages that are there already. */
  bind(
    view: Uint8Array,
    at: number,
    bytes: number,
    mode: number,
    nodes: Uint32Array,
    flags: number,
  ): number;
  /** get_mempolicy of the range's first page; `out` as for `getPolicy`. */
  rangePolicy(view: Uint8Array, at: number, bytes: number, out: Uint32Array): number;
  /** move_pages as a question; status, one a page: its node or a negative errno. */
  pageNodes(view: Uint8Array, at: number, bytes: number, status: Int32Array): number;
  /** The same by pagemap and get_mempolicy. */
  pageNodesByPolicy(view: Uint8Array, at: number, bytes: number, status: Int32Array): number;
  /** By pagemap: 0 for each page that is there, a negative errno for the others. */
  presentPages(view: Uint8Array, at: number, bytes: number, status: Int32Array): number;
  /** move_pages to `node`; `status` as for `pageNodes`. */
  movePages(view: Uint8Array, at: number, bytes: number, node: number, status: Int32Array): number;
  /** MADV_POPULATE_WRITE. */
  populate(view: Uint8Array, at: number, bytes: number): number;
  /** The same by a write to each page, for older kernels: a page that cannot be had is a signal. */
  touch(view: Uint8Array, at: number, bytes: number): number;
  /** MADV_DONTNEED: gives the pages back. */
  discard(view: Uint8Array, at: number, bytes: number): number;
  /** MADV_HUGEPAGE. */
  adviseHugePages(view: Uint8Array, at: number, bytes: number): number;
  /** mlock, munlock. */
  lock(view: Uint8Array, at: number, bytes: number): number;
  unlock(view: Uint8Array, at: number, bytes: number): number;
  /** The offset in `view` of the first byte whose address is a multiple of `alignment`. */
  alignedFrom(view: Uint8Array, alignment: number): number;
  /** Explicit huge pages, a multiple of their size; an errno, ENOSYS where this Node cannot wrap them. */
  hugeBuffer(bytes: number): SharedArrayBuffer | number;
  /** Counts what this thread allocates on a node; 1024 is for what has no node of its own. */
  account(node: number, bytes: number, buffers: number): void;
  /** out: [bytes, buffers] of the whole process. */
  accounted(node: number, out: Float64Array): void;
}

/** Memory shared between processes: files of tmpfs. Errors are errnos. */
interface NativeRegion {
  /** A file without a name in a directory, or a sealed memfd (null): its descriptor, or minus an errno. */
  create(directory: string | null, bytes: number): number;
  /** Its descriptor, or minus an errno. */
  open(path: string): number;
  /** A descriptor of one's own for the same file, or minus an errno. */
  duplicate(file: number): number;
  /** out: [bytes, in memory, own, writable by others], all but the first 0 or 1. */
  inspect(file: number, out: Float64Array): number;
  /** Reserves its space. */
  reserve(file: number, bytes: number): number;
  /** Gives it its name. */
  publish(file: number, path: string): number;
  unlink(path: string): number;
  closeFile(file: number): void;
  /** Takes the file over, also when it fails. */
  map(file: number, bytes: number): NativeMapping | number;
  /** Detaches the buffer and closes the file; the memory is unmapped when nobody uses it any more. */
  close(mapping: NativeMapping): void;
  /** The effective user id of this process. */
  user(): number;
}

/**
 * Channels between processes, each in a region. Where something fails, the result is a number: an errno,
 * or negative: -1 no channel, -2 of another version, -3 corrupt, -4 no place, -5 closed for good, -6 not as
 * expected, -7 no locks. A segment is given by kind, capacity, message bytes and bytes of its description.
 */
interface NativeProcessChannels {
  /** Of the layout, which two processes must have in common. */
  readonly version: number;
  bytes(kind: number, capacity: number, messageBytes: number, descriptionBytes: number): number;
  /** Writes a new segment into a file of zeros that nobody else has yet; 0 or an errno. */
  format(
    file: number,
    kind: number,
    capacity: number,
    messageBytes: number,
    descriptionBytes: number,
    description: Uint8Array,
  ): number;
  /**
   * A copy of the description. out: [version, kind, capacity, message bytes, senders lost, receivers lost,
   * messages lost, closed for good]
   */
  describe(file: number, out: Float64Array): Uint8Array | number;
  /** Owns the file from here on: closed with the object, at the end of the thread at last. */
  hold(file: number): object;
  /** Closes the file now; again does nothing. */
  letGo(held: object): void;
  /** An end, to be attached by `attachSender` or `attachReceiver`; `path` goes with the last end. */
  join(
    file: number,
    sends: boolean,
    kind: number,
    capacity: number,
    messageBytes: number,
    descriptionBytes: number,
    path: string | null,
    cpus: number,
  ): { readonly id: number; readonly memory: ArrayBuffer } | number;
}

/** Owned by the thread that mapped it. */
export interface NativeMapping {
  /** Not shared in JavaScript's sense, shared in fact: Atomics work, Atomics.wait does not. */
  readonly buffer: ArrayBuffer;
}

/**
 * What threads wait on in shared memory. A domain is this process or one named region; `words` are the
 * object's own, 8-byte aligned. Waits block for no longer than a slice of 50 ms.
 */
interface NativeSync {
  /**
   * This thread uses objects of the region that the descriptor leads to, or, -1, of the process: the
   * number of a domain for the other calls, or minus an errno (EUSERS: too many threads).
   */
  join(file: number, cpus: number): number;
  /** How this thread is called in the domain: a number of 30 bits, never 0, good for its life only. */
  self(domain: number): number;
  /** What this thread still holds there is a dead owner's. */
  leave(domain: number): void;
  /** Whether the thread that is, or was, called so in the domain is still in it. */
  alive(domain: number, id: number): boolean;
  /** Sleeps while the word has this value; whether it has another. */
  wait(
    domain: number,
    words: Int32Array,
    index: number,
    expected: number,
    milliseconds: number,
  ): boolean;
  /** Calls so many of those who sleep on the word or watch it; how many there were. */
  wake(domain: number, words: Int32Array, index: number, count: number): number;
  /** 0 locked, 1 locked and the owner before died, 2 time is over, 3 refused. Not by an owner. */
  lock(domain: number, words: Int32Array, milliseconds: number): number;
  /** False: it is somebody else's. */
  unlock(domain: number, words: Int32Array): boolean;
  /**
   * One try of a waiter that is counted in the word `listeners`: as `lock`, or 4 + (it is the heir: 1) +
   * 2 * the number of the wait after which to try again. `starved`: it has waited long.
   */
  listen(domain: number, words: Int32Array, starved: boolean, heir: boolean): number;
  /** Whether this thread owns the lock all the same. */
  stopListening(domain: number, words: Int32Array, heir: boolean): boolean;

  /**
   * For those who debug: one lock is waited for while another is held. Undefined, or the stacks that lead
   * from `wanted` to `held`, the last one first.
   */
  order(held: string, wanted: string, stack: string): string[] | undefined;
  /** The kernel's number of this thread: how it is called in mutexes with priority inheritance. */
  threadId(): number;
  /** As `lock`, or minus an errno. */
  lockInheriting(domain: number, words: Int32Array, milliseconds: number): number;
  /** 0 or an errno. */
  unlockInheriting(domain: number, words: Int32Array): number;
  /** What this thread holds, if it does, is a dead owner's. */
  abandon(domain: number, words: Int32Array): void;
  abandonInheriting(domain: number, words: Int32Array): void;

  /** Once: called from the event loop when `next` has something. */
  onChange(callback: () => void): void;
  /** The number of a wait for another value than this one; `hold` keeps the process alive. */
  watch(domain: number, words: Int32Array, index: number, expected: number, hold: boolean): number;
  unwatch(wait: number): void;
  /** The number of a wait that is over, or 0. */
  next(): number;
}

interface NativeNumaPools {
  /** out: [bytes of a node's region, offset of its first block, from one block to the next]. */
  layout(blockBytes: number, blocks: number, out: Float64Array): void;
  /**
   * The calling thread's access to a pool of one region a node. `create`: the regions are zeros, else
   * they must hold a pool. `orders`: rows of regions, nearest first. `homes`: by node, the row of the
   * threads there, or ~row where its first region is on another node. `generation[0]`: results.
   * `buffers`: what views of blocks are of, by region; `regions` are the same memory by buffers that
   * nobody else has.
   */
  open(
    regions: readonly Uint8Array[],
    blockBytes: number,
    blocks: number,
    create: boolean,
    orders: Uint32Array,
    homes: Int32Array,
    generation: Int32Array,
    buffers: readonly SharedArrayBuffer[],
  ): NativeNumaPool;
}

/** A slot is a region's position * blocks + the block's. A block's generation changes with its hands. */
export interface NativeNumaPool {
  /** node -1: the one where the thread runs. A slot and its generation; -1 exhausted, -2 closed, -3 corrupt. */
  acquire(node: number): number;
  /** False: not held with this generation. */
  release(slot: number, generation: number): boolean;
  /** Held by nobody, with a new generation, until it is adopted. */
  detach(slot: number, generation: number): boolean;
  adopt(slot: number, generation: number): boolean;
  /** Whether this is the first region of this pool, also by another buffer for the same memory. */
  isSame(region: Uint8Array): boolean;
  /** out, for each region: [in use, most in use, ever used, overflows, guests, reclaimed]. */
  stats(out: Float64Array): void;
  /** True for the first one: nobody gets a block from here on. */
  close(): boolean;
}

/** Objects in memory that is zeros or holds one of the same shape; `memory` begins a page. */
interface NativeSharedStacks {
  /** What its memory must have. */
  bytes(capacity: number, valueBytes: number): number;
  /** Undefined: the memory holds no such stack. `out` has room for a value. */
  open(
    memory: Uint8Array,
    capacity: number,
    valueBytes: number,
    out: Uint8Array,
  ): NativeSharedStack | undefined;
}

/** Calls give 0 or more, or -1 full or empty, -5 corrupt, -7 closed. */
export interface NativeSharedStack {
  readonly push: (value: Uint8Array) => number;
  readonly pushF64: (value: number) => number;
  /** The value's bytes are in `out`: how many. */
  readonly pop: () => number;
  readonly size: () => number;
  close(): void;
}

/** As for stacks. */
interface NativeSharedMaps {
  bytes(capacity: number, keyBytes: number, valueBytes: number): number;
  /** `out` has room for a value, rounded up to 8 bytes. */
  open(
    memory: Uint8Array,
    capacity: number,
    keyBytes: number,
    valueBytes: number,
    out: Uint8Array,
  ): NativeSharedMap | undefined;
}

/**
 * Calls give 0 or more, or -1 no such key, -2 another value than expected, -3 full, -4 somebody holds
 * the lock (ask again), -5 corrupt, -6 the key is too large, -7 closed, -8 the value is too large, -9
 * no room for the entries.
 */
export interface NativeSharedMap {
  readonly buckets: number;
  /** The value's bytes are in `out`: how many. */
  readonly get: (key: string | number) => number;
  readonly has: (key: string | number) => number;
  readonly set: (key: string | number, value: Uint8Array) => number;
  readonly delete: (key: string | number) => number;
  /** Undefined is no entry. */
  readonly compareAndSet: (
    key: string | number,
    expected: Uint8Array | undefined,
    value: Uint8Array | undefined,
  ) => number;
  readonly size: () => number;
  /**
   * The entries of one bucket, from an instant: [type (0 text, 1 number), key bytes, value bytes, 0] as
   * 32-bit numbers, key, value, both rounded up to 8. How many bytes that is.
   */
  readonly bucket: (bucket: number, out: Uint8Array) => number;
  close(): void;
}

/**
 * Real-time threads. A record is memory of `recordBytes`, zeros at first, aligned to 64 bytes: what the
 * thread writes and others read (native/core/realtime/tick_record.h). Times are ns of CLOCK_MONOTONIC.
 */
interface NativeRealtime {
  /** sched_setattr of the calling thread; 0 or the errno. */
  setPolicy(
    policy: number,
    priority: number,
    runtimeNs: number,
    deadlineNs: number,
    periodNs: number,
  ): number;
  /** sched_getattr; out: [policy, priority, nice, runtime, deadline, period, reset on fork]. */
  getPolicy(thread: number, out: Float64Array): number;
  /** In ns, or minus an errno. */
  roundRobinSlice(): number;
  threadId(): number;
  /** The calling thread's; gives what it is then. */
  setTimerSlack(ns: number): number;
  now(): number;
  recordBytes(): number;
  /** The thread takes a turn of its event loop before its next tick. */
  knock(record: Uint8Array): void;
  /** No tick of this task begins any more. */
  stop(record: Uint8Array, slot: number): void;
  /** For the phase lock: so late is the release of the last tick. */
  adjust(record: Uint8Array, slot: number, lateNs: number): void;
  /** The thread has ended. */
  isGone(record: Uint8Array): boolean;
  /** For a task to come, in a slot without one. */
  clear(record: Uint8Array, slot: number): void;
  /**
   * out: [ticks, misses, overruns, skipped, last begin, last end, state, stop is asked for,
   * measurements for the phase lock, the last one in ns, learned ns a period, is locked]. States: 0 none,
   * 1 runs, 2 stopped, 3 threw, 4 overrun, 5 too many misses.
   */
  counters(record: Uint8Array, slot: number, out: Float64Array): void;
  /** 0 wakeup, 1 execution, 2 response, 3 period; as `NativeStatistics.histogram` writes it. */
  histogram(record: Uint8Array, slot: number, which: number, out: Float64Array): number;
  /** How many there have been; out as MissRecord, out[0] is -1 where this one is not to be had. */
  miss(record: Uint8Array, index: number, out: Float64Array): number;
  /** The same for garbage collections: [begin, end, kind]. */
  collection(record: Uint8Array, index: number, out: Float64Array): number;
  /**
   * The calling thread's loop, once a thread. `times`: [expected µs, actual µs, number] of the tick that
   * runs; from it [late against an outside clock µs, not 0: it said so]. `onEnd` hears of a task that is over by itself: its state; 1 is a
   * question whether JavaScript runs. `spinNs`: so long before a release the thread is awake.
   */
  openLoop(
    record: Uint8Array,
    times: Float64Array,
    exclusive: boolean,
    byPeriod: boolean,
    onEnd: (slot: number, why: number, error: unknown) => void,
    spinNs: number,
  ): NativeRealtimeLoop;
  /** wishes: [policy, priority, runtime, deadline, period (ns), CPU or -1, bytes of stack to lock,
   * ns awake before a release]. Or an errno. */
  openNativeLoop(
    record: Uint8Array,
    byPeriod: boolean,
    wishes: Float64Array,
  ): NativeTickThread | number;
  /** The name in a definition of include/moirai.h; undefined: it is none, null: of another ABI. */
  nativeTickName(value: unknown): string | null | undefined;
}

/** A thread that calls C functions: native/core/realtime/native_loop.h. Slots as those of its record. */
export interface NativeTickThread {
  /** out: [thread, errno of the CPU, of the policy, of the lock, timer slack in ns]. */
  asked(out: Float64Array): void;
  /**
   * A task for a free slot whose counters are cleared; numbers as `NativeRealtimeLoop.add` takes them.
   * `ends`: for each channel its number and 1 where the tick sends, of ends that nobody has taken, which
   * are closed when the task is over. False: one of these cannot be.
   */
  give(
    slot: number,
    tick: object,
    numbers: Float64Array,
    memory: Uint8Array | undefined,
    ends: Uint32Array,
    memories: readonly Uint8Array[],
  ): boolean;
  /** After `NativeRealtime.stop`. */
  knock(): void;
  /** As that of a NativeRealtimeLoop. */
  setCpuWindow(ns: number): void;
  /** Once the thread has let go of the slot: what the function gave, not 0 where that ended it. */
  takeBack(slot: number): number | undefined;
  end(): void;
  isOver(): boolean;
  /** For a tick that does not return. False: it has. True: the thread touches nothing any more. */
  abandon(): boolean;
}

export interface NativeRealtimeLoop {
  /** `numbers`: [period, phase, deadline (ns), 0 skip 1 catch up 2 stop, late ticks kept, m, k; phase lock:
   * ticks to settle (0: none), largest step, rate, tolerance (ns)]. */
  add(slot: number, tick: () => void, numbers: Float64Array): boolean;
  remove(slot: number): void;
  /** Exclusive: ticks for 50 ms at most; false: there is no task. */
  run(): boolean;
  /** Misses have the CPU time of so many ns before their end; 0: not. */
  setCpuWindow(ns: number): void;
  noteCollection(beginNs: number, endNs: number, kind: number): void;
  /** mlock of so much of this thread's stack from here on down, until it ends; 0 or the errno. */
  lockStack(bytes: number): number;
}

/** Semaphores and read-write locks: native/core/sync/turnstile.h. */
interface NativeTurnstiles {
  /** Of their memory. */
  readonly bytes: number;
  /**
   * The calling thread's seat; kind 0: a semaphore, 1: a read-write lock. Undefined: the memory holds no
   * such thing; -3 no seat is free, -4 ask again.
   */
  open(
    memory: Uint8Array,
    kind: number,
    permits: number,
    owned: boolean,
  ): NativeTurnstile | number | undefined;
}

/**
 * Calls give 1 had, 2 had and a writer has died, 0 not, -1 not held, -2 too many, -4 ask again, -7
 * closed. `want`: 1 to write, else 0.
 */
export interface NativeTurnstile {
  /** Of the word in the memory, in units of 4 bytes, that changes when this seat is granted something. */
  readonly signalIndex: number;
  /** `pass`: by those who wait. */
  readonly try: (want: number, amount: number, pass: boolean) => number;
  /** Waits where it cannot be had, with this ticket, or 0 for a new one. */
  readonly enter: (want: number, amount: number, ticket: number) => number;
  readonly collect: () => number;
  readonly withdraw: () => number;
  readonly release: (want: number, amount: number) => number;
  markConsistent(): number;
  /** Looks for the dead, if nobody has for 20 ms. */
  audit(): void;
  /** Blocks for at most a slice; 1: granted. */
  wait(milliseconds: number): number;
  isGranted(): number;
  /** Bit 0: this thread writes; above: how many times it reads. */
  readonly holds: () => number;
  ticket(): number;
  /** Free permits, or readers. */
  count(): number;
  isWritten(): number;
  close(): void;
}

/** In the `workerData` of a thread that this package starts. */
export interface ToldOfAddon {
  readonly addonPath: string;
}

function load(): LoadedAddon {
  // To search for it takes time, so an executor tells its workers what it has found.
  const told = (workerData as Partial<ToldOfAddon> | null)?.addonPath;
  if (typeof told !== 'string') return loadAddon(import.meta.url);
  return { path: told, addon: createRequire(import.meta.url)(told) };
}

const loaded = load();

export const addonPath: string = loaded.path;

export const native: NativeAddon = loaded.addon as NativeAddon;
