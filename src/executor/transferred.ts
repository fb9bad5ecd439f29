import type { TransferListItem } from 'node:worker_threads';

/** A task's result together with the objects in it that move to the caller. */
export class Transferred {
  readonly value: unknown;
  readonly transfer: readonly TransferListItem[];

  constructor(value: unknown, transfer: readonly TransferListItem[]) {
    this.value = value;
    this.transfer = transfer;
  }
}
