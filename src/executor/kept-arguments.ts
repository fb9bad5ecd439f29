// A task's arguments apart from any slot: of a task that waits for one, or that may have to run again.
import type { TransferListItem } from 'node:worker_threads';
import {
  encodeArguments,
  NeedsPort,
  packForPort,
  refusal,
  Writer,
  type CodecTable,
  type Views,
} from '../codec/index.js';
import { invalidType } from '../base/index.js';

/** Arguments that only a MessagePort can carry; transferables have already left the caller. */
export interface Parcel {
  /** The argument list, or a PortPack of it where there are codecs. */
  readonly values: unknown;
  readonly transfer: readonly TransferListItem[];
}

/** Encoded as in a slot, or a parcel. */
export type KeptArguments =
  | { readonly bytes: Uint8Array; readonly parcel?: undefined }
  | { readonly bytes?: undefined; readonly parcel: Parcel };

/** Takes the values as they are now. Throws NOT_SERIALIZABLE, or INVALID_ARGUMENT for `transfer`. */
export function keepArguments(
  args: readonly unknown[],
  transfer: readonly TransferListItem[],
  codecs: CodecTable | undefined,
): KeptArguments {
  if (transfer.length > 0) return { parcel: packParcel(args, transfer, codecs) };
  const writer = new PrivateWriter();
  writer.codecs = codecs;
  try {
    encodeArguments(writer, args);
    return { bytes: writer.views.bytes.subarray(0, writer.position) };
  } catch (error) {
    if (!(error instanceof NeedsPort)) throw error;
    return { parcel: packParcel(args, [], codecs) };
  }
}

export function packParcel(
  args: readonly unknown[],
  transfer: readonly TransferListItem[],
  codecs: CodecTable | undefined,
): Parcel {
  try {
    const values = codecs === undefined ? args : packForPort(codecs, args);
    return structuredClone({ values, transfer }, { transfer: [...transfer] });
  } catch (error) {
    throw blameFor(error, args, transfer);
  }
}

/** Writes into memory of its own that grows as needed. */
class PrivateWriter extends Writer {
  constructor() {
    super(viewsOf(256), 0, 256);
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
