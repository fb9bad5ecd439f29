// A task's arguments apart from any slot: of a task that waits for one, or that may have to run again.
import type { TransferListItem } from 'node:worker_threads';
import {
  encodeArguments,
  NeedsPort,
  packForPort,
  refusal,
  Writer,
  type CodecTable,
  type PortPack,
  type Views,
} from '../codec/index.js';
import { invalidType, MoiraiError } from '../base/index.js';
import { Departing } from '../share/index.js';
import type { Handles } from './departed.js';

/** Arguments that only a MessagePort can carry; transferables have already left the caller. */
export interface Parcel {
  /** The argument list. */
  readonly values: PortPack;
  readonly transfer: readonly TransferListItem[];
  /** What has left the caller with it. */
  readonly handles: Handles;
}

/** Encoded as in a slot, or a parcel. */
export type KeptArguments =
  | { readonly bytes: Uint8Array; readonly handles: Handles; readonly parcel?: undefined }
  | { readonly bytes?: undefined; readonly handles: Handles; readonly parcel: Parcel };

export interface KeepOptions {
  readonly transfer: readonly TransferListItem[];
  readonly codecs: CodecTable | undefined;
  /** They may have to be given to a second worker. */
  readonly again: boolean;
}

/** Takes the values as they are now. Throws NOT_SERIALIZABLE, or INVALID_ARGUMENT for `transfer`. */
export function keepArguments(args: readonly unknown[], options: KeepOptions): KeptArguments {
  if (options.transfer.length > 0) return keepParcel(args, options);
  const writer = new PrivateWriter();
  writer.codecs = options.codecs;
  try {
    encodeArguments(writer, args);
  } catch (error) {
    if (!(error instanceof NeedsPort)) throw error;
    return keepParcel(args, options);
  }
  const { departing } = writer;
  if (departing !== undefined) checkOnce(departing, options);
  const bytes = writer.views.bytes.subarray(0, writer.position);
  return { bytes, handles: departing?.leave() ?? [] };
}

function keepParcel(args: readonly unknown[], options: KeepOptions): KeptArguments {
  const parcel = packParcel(args, options);
  return { parcel, handles: parcel.handles };
}

export function packParcel(args: readonly unknown[], options: KeepOptions): Parcel {
  const { transfer, codecs } = options;
  const departing = new Departing();
  let cloned: Omit<Parcel, 'handles'>;
  try {
    const values = packForPort(codecs, args, departing);
    checkOnce(departing, options);
    cloned = structuredClone({ values, transfer }, { transfer: [...transfer] });
  } catch (error) {
    departing.cancel();
    throw blameFor(error, args, transfer);
  }
  return { ...cloned, handles: departing.leave() };
}

/** What arrives only once cannot be sent after a worker that was lost with it. */
function checkOnce(departing: Departing, { again }: KeepOptions): void {
  if (!again || !departing.any) return;
  departing.cancel();
  throw new MoiraiError(
    'ERR_MOIRAI_NOT_SERIALIZABLE',
    'args hold the end of a channel, which a task that is idempotent cannot have: it could not be given to a second worker',
  );
}

/** Writes into memory of its own that grows as needed. */
class PrivateWriter extends Writer {
  constructor() {
    super(viewsOf(256), 0, 256);
  }

  override get carriesObjects(): boolean {
    return true;
  }

  override grow(needed: number): void {
    const views = viewsOf(Math.max(this.position + needed, 2 * this.end));
    views.bytes.set(this.views.bytes.subarray(0, this.position));
    this.views = views;
    this.end = views.bytes.length;
  }
}

function viewsOf(wanted: number): Views {
  const bytes = Math.ceil(wanted / 8) * 8;
  const buffer = new ArrayBuffer(bytes);
  return {
    bytes: Buffer.from(buffer),
    view: new DataView(buffer),
    f64: new Float64Array(buffer),
    u32: new Uint32Array(buffer),
  };
}

/** Whether it is the arguments or the list of what to transfer that cannot be sent. */
function blameFor(error: unknown, args: readonly unknown[], transfer: readonly unknown[]): unknown {
  if (transfer.length > 0) {
    const allowed = 'an array of transferable objects, each of them once and not detached';
    const fits = (item: unknown): boolean => typeof item === 'object' && item !== null;
    if (!transfer.every(fits) || new Set(transfer).size < transfer.length) {
      return invalidType('options.transfer', allowed, transfer);
    }
    if ((error as { code?: unknown }).code === 'ERR_INVALID_TRANSFER_OBJECT') {
      return invalidType('options.transfer', allowed, transfer);
    }
  }
  return refusal(error, args, 'args');
}
