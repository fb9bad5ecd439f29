// What has been allocated by node, and telling V8 of memory that it does not count itself.
import { native } from '../native.js';

/** For memory over several nodes, or of no node in particular. */
export const spread = 1024;

/** One buffer's entry; shared between its handle and the registry that sees the buffer collected. */
export class LedgerEntry {
  readonly bytes: number;
  #node: number;
  #open = true;

  constructor(bytes: number, node: number) {
    this.bytes = bytes;
    this.#node = node;
    native.memory.account(node, bytes, 1);
    // V8 counts no shared memory, and would leave dead buffers of many megabytes lie for long.
    native.adjustMemory(bytes);
  }

  moveTo(node: number): void {
    if (!this.#open) return;
    native.memory.account(this.#node, -this.bytes, -1);
    native.memory.account(node, this.bytes, 1);
    this.#node = node;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    native.memory.account(this.#node, -this.bytes, -1);
    native.adjustMemory(-this.bytes);
  }
}

const collected = new FinalizationRegistry<LedgerEntry>((entry) => entry.close());

export function enter(buffer: object, bytes: number, node: number): LedgerEntry {
  const entry = new LedgerEntry(bytes, node);
  collected.register(buffer, entry);
  return entry;
}

/** Bytes and buffers that this process holds on a node. */
export function held(node: number): { readonly bytes: number; readonly buffers: number } {
  const out = new Float64Array(2);
  native.memory.accounted(node, out);
  return { bytes: out[0] ?? 0, buffers: out[1] ?? 0 };
}
