// What has left the owner with a task's arguments, until the task is over. What no worker has attached by
// then arrives nowhere: its task was refused, cancelled, or lost before it began.
import { dropHandle, type Shared } from '../share/index.js';

export type Handles = readonly Shared<unknown>[];

export class DepartedObjects {
  readonly #bySlot = new Map<number, Handles>();

  note(slot: number, handles: Handles): void {
    if (handles.length > 0) this.#bySlot.set(slot, handles);
  }

  /** Nobody will read the slot's arguments any more. */
  release(slot: number): void {
    if (this.#bySlot.size === 0) return;
    drop(this.#bySlot.get(slot));
    this.#bySlot.delete(slot);
  }

  releaseAll(): void {
    for (const slot of this.#bySlot.keys()) this.release(slot);
  }
}

export function drop(handles: Handles = []): void {
  for (const handle of handles) dropHandle(handle);
}
