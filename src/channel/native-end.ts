// The native half of an end. What is asked of it beside messages goes through one function: each function
// that native code makes costs 1 to 2 µs, and a dozen of them were most of what making a channel took.
import type { NativeChannelEnd, NativeReceiver, NativeRing, NativeSender } from '../native.js';

/** As in native/addon/channel_side.h. */
const requests = {
  setWaiting: 0,
  setRef: 1,
  wait: 2,
  peers: 3,
  setNoticing: 4,
  losses: 5,
  close: 6,
  offer: 7,
  retract: 8,
  length: 9,
  another: 10,
  call: 11,
  abort: 12,
  missed: 13,
  enlist: 14,
  waitAny: 15,
} as const;

/** What both directions are asked. */
export class NativeEnd {
  /** Kept whole: as long as it is, `onChange` is. */
  protected readonly native: NativeChannelEnd;
  readonly ring: NativeRing | undefined;

  constructor(native: NativeChannelEnd) {
    this.native = native;
    this.ring = native.ring;
  }

  /** Whether `onChange` is called when a call would do something. */
  setWaiting(waiting: boolean): void {
    this.native.request(requests.setWaiting, waiting);
  }

  /** Whether waiting keeps the process alive. */
  setRef(referenced: boolean): void {
    this.native.request(requests.setRef, referenced);
  }

  /** Blocks the thread for at most so long; true: a call would do something. */
  wait(milliseconds: number): boolean {
    return this.native.request(requests.wait, milliseconds) as boolean;
  }

  /** How many ends of the other direction there are. */
  peers(): number {
    return this.native.request(requests.peers) as number;
  }

  /** Whether `onChange` is called, beside other reasons, when `losses` has something to tell. */
  setNoticing(noticing: boolean): void {
    this.native.request(requests.setNoticing, noticing);
  }

  /** What was lost since the last call, undefined: nothing. Between processes. */
  losses(): [senders: number, receivers: number, messages: number] | undefined {
    return this.native.request(requests.losses) as [number, number, number] | undefined;
  }

  /** `keep`: the end is not closed but for another thread to attach. */
  close(keep: boolean): void {
    this.native.request(requests.close, keep);
  }

  /**
   * Of kind rendezvous: a wait is announced, of a sender with what it has claimed. 1: it was met already;
   * 0: it stands; or why it cannot be met.
   */
  offer(): number {
    return this.native.request(requests.offer) as number;
  }

  /** The wait is over. False: it was met before. */
  retract(): boolean {
    return this.native.request(requests.retract) as boolean;
  }

  /** This end is one of those at which the thread will block together; undone as often. */
  enlist(on: boolean): void {
    this.native.request(requests.enlist, on);
  }

  /** As `wait`, at all ends that are enlisted. */
  waitAny(milliseconds: number): boolean {
    return this.native.request(requests.waitAny, milliseconds) as boolean;
  }

  /** How many messages the channel holds, about. */
  length(): number {
    return this.native.request(requests.length) as number;
  }

  /** There will be one end more of this direction; its place (0: any), or why not. */
  another(): number {
    return this.native.request(requests.another) as number;
  }

  /** Calls as many of the other side as wait; for whoever works the ring itself. */
  call(count: number): void {
    this.native.request(requests.call, count);
  }
}

const none = (): never => {
  throw new Error('JavaScript works this ring');
};

export class SenderNative extends NativeEnd {
  readonly sendF64: ((value: number) => number) | undefined;
  readonly sendU32: ((value: number) => number) | undefined;
  readonly sendMany: (numbers: Float64Array | Uint32Array, from: number) => number;
  readonly claim: () => number;
  readonly commit: () => boolean;

  constructor(native: NativeSender) {
    super(native);
    this.sendF64 = native.sendF64;
    this.sendU32 = native.sendU32;
    this.sendMany = native.sendMany ?? none;
    this.claim = native.claim ?? none;
    this.commit = native.commit ?? none;
  }

  abort(): void {
    this.native.request(requests.abort);
  }
}

export class ReceiverNative extends NativeEnd {
  readonly receiveF64: (() => number | undefined) | undefined;
  readonly receiveU32: (() => number | undefined) | undefined;
  readonly receiveMany: (numbers: Float64Array | Uint32Array, from: number) => number;
  readonly peek: () => number;
  readonly release: () => boolean;

  constructor(native: NativeReceiver) {
    super(native);
    this.receiveF64 = native.receiveF64;
    this.receiveU32 = native.receiveU32;
    this.receiveMany = native.receiveMany ?? none;
    this.peek = native.peek ?? none;
    this.release = native.release ?? none;
  }

  /** Where `peek` gives -5: how many messages were overwritten, since the last call. */
  missed(): number {
    return this.native.request(requests.missed) as number;
  }
}
