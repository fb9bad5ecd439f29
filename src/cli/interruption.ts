// Ctrl-C once ends the measurement, and what was measured is told; twice ends the process as ever.
const numbers = { SIGINT: 2, SIGTERM: 15 } as const;
const names = ['SIGINT', 'SIGTERM'] as const;

export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  #exitCode = 0;
  readonly #stop = (name: NodeJS.Signals): void => {
    // As shells count: 128 and the number of the signal.
    this.#exitCode = 128 + numbers[name as (typeof names)[number]];
    this[Symbol.dispose]();
    this.#controller.abort();
  };

  constructor() {
    for (const name of names) process.on(name, this.#stop);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get happened(): boolean {
    return this.#controller.signal.aborted;
  }

  /** 0 when nothing happened. */
  get exitCode(): number {
    return this.#exitCode;
  }

  [Symbol.dispose](): void {
    for (const name of names) process.off(name, this.#stop);
  }
}
