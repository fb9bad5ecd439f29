// An order of one's own: every customer in turn, however many tasks one of them has.
import type { QueuedTask, QueuePolicy } from 'moirai';

/** The first argument of each task says whose it is. */
export class FairQueue implements QueuePolicy {
  readonly #lines = new Map<unknown, QueuedTask[]>();

  push(task: QueuedTask): void {
    const [customer] = task.args;
    const line = this.#lines.get(customer);
    if (line === undefined) this.#lines.set(customer, [task]);
    else line.push(task);
  }

  /** The next task of whoever has waited longest; behind the others with what is left of the line. */
  shift(): QueuedTask | undefined {
    for (const [customer, line] of this.#lines) {
      const task = line.shift();
      this.#lines.delete(customer);
      if (line.length > 0) this.#lines.set(customer, line);
      return task;
    }
    return undefined;
  }
}
