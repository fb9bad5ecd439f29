// What RealtimeContext.nativePeriodic is given, beside what every periodic task is.
import { invalidRange, invalidType, MoiraiError } from '../base/index.js';
import { Receiver, Sender } from '../channel/index.js';
import { native } from '../native.js';
import { share, sharing, type Shared } from '../share/index.js';
import type { PeriodicOptions } from './options.js';

declare const definition: unique symbol;

/** A C function of another addon, as `moirai_create_tick` of the header `moirai/moirai.h` makes it. Opaque. */
export interface NativeTick {
  readonly [definition]: never;
}

/** Options of `RealtimeContext.nativePeriodic`. */
export interface NativePeriodicOptions<S extends string = string> extends PeriodicOptions<S> {
  /**
   * Ends of channels for the function, by their places here: it receives from a Receiver and sends to a
   * Sender. Up to 16, of kind `spsc`, with messages of `f64()`, `u32()` or `struct()`. They move: they are
   * closed here, and closed for good when the task is over.
   */
  readonly channels?: readonly (Sender<unknown> | Receiver<unknown>)[] | undefined;
  /** Memory that the function shares with JavaScript: a view on a SharedArrayBuffer. Use Atomics on it. */
  readonly memory?: ArrayBufferView<SharedArrayBuffer> | undefined;
}

/** An end of a channel on its way to native code: what `share` gave. */
export type DepartedEnd = Shared<unknown> & {
  readonly value: { readonly id: number; readonly memory: SharedArrayBuffer };
};

const maxChannels = 16;
const messages = new Set(['f64', 'u32', 'struct']);

/** The name in its definition. */
export function checkTick(tick: unknown): string {
  const name = native.realtime.nativeTickName(tick);
  if (name === null) {
    const why =
      'the tick has no function, or was compiled with a header of another version (MOIRAI_ABI)';
    throw new MoiraiError('ERR_MOIRAI_NOT_SUPPORTED', why);
  }
  if (name !== undefined) return name;
  throw invalidType('tick', 'a native tick, as moirai_create_tick makes it', tick);
}

/** Changes nothing. */
export function checkChannels(
  channels: NativePeriodicOptions['channels'],
): readonly (Sender<unknown> | Receiver<unknown>)[] {
  const at = 'options.channels';
  const given: unknown = channels ?? [];
  if (!Array.isArray(given)) throw invalidType(at, 'an array', given);
  if (given.length > maxChannels || new Set(given).size < given.length) {
    throw invalidRange(at, `up to ${maxChannels} different ends`, given);
  }
  return given.map((end, i) => checkEnd(`${at}[${i}]`, end));
}

function checkEnd(at: string, end: unknown): Sender<unknown> | Receiver<unknown> {
  if (!(end instanceof Sender) && !(end instanceof Receiver)) {
    throw invalidType(at, 'a Sender or a Receiver', end);
  }
  // Throws for one that is closed.
  const { kind, message } = end[sharing]().value as {
    readonly kind: string;
    readonly message: { readonly kind: string };
  };
  if (kind === 'spsc' && messages.has(message.kind)) return end;
  const allowed = 'of a channel of kind spsc with f64(), u32() or struct()';
  throw invalidRange(at, allowed, `${kind} ${message.kind}`);
}

/** They are closed here, and somebody must take them or drop them. */
export function departing(ends: readonly (Sender<unknown> | Receiver<unknown>)[]): DepartedEnd[] {
  return ends.map((end) => share(end) as unknown as DepartedEnd);
}

export function checkMemory(memory: unknown): Uint8Array | undefined {
  if (memory === undefined) return undefined;
  if (!ArrayBuffer.isView(memory) || !(memory.buffer instanceof SharedArrayBuffer)) {
    throw invalidType('options.memory', 'a view on a SharedArrayBuffer', memory);
  }
  return new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength);
}
