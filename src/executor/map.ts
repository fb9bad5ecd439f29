// Runs one task over every item of a source, a bounded number at a time.

/** One call that was begun; `cancel` takes it back if it still can. */
interface MapCall {
  then(onValue: (value: unknown) => void, onError: (error: unknown) => void): unknown;
  cancel(): unknown;
}

export interface MapRequest {
  readonly source: Iterable<unknown> | AsyncIterable<unknown>;
  readonly start: (item: unknown) => MapCall;
  /** Items taken from the source whose results were not yielded yet, at most. */
  readonly concurrency: number;
  readonly ordered: boolean;
  readonly signal: AbortSignal | undefined;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/**
 * Yields each result as soon as it is due: when it comes, or, ordered, when those before it have been
 * yielded. An item is taken from the source only when there is room for its result, so memory is
 * bounded by `concurrency` whatever the source's length. The first failure that is due ends the
 * iteration; ending it, in whatever way, cancels the calls that have not begun and ends the source.
 */
export async function* mapTasks(request: MapRequest): AsyncGenerator<unknown, void, undefined> {
  const run = new MapRun(request);
  try {
    for (;;) {
      run.fill();
      const due = run.takeDue();
      if (due !== undefined) {
        if ('error' in due) throw due.error;
        yield due.value;
      } else if (run.finished) {
        return;
      } else {
        await run.change();
      }
    }
  } finally {
    await run.end();
  }
}

class MapRun {
  readonly #request: MapRequest;
  readonly #isAsync: boolean;
  readonly #source: AsyncIterator<unknown> | Iterator<unknown>;
  readonly #calls = new Map<number, MapCall>();
  /** Outcomes not yielded yet, by key: the item's number, or, unordered, the outcome's. */
  readonly #outcomes = new Map<number, Outcome>();
  readonly #abort = (): void => {
    this.#failure = { error: this.#request.signal?.reason };
    this.#wake();
  };
  #items = 0;
  #finishedCalls = 0;
  #yielded = 0;
  #pulling = false;
  #exhausted = false;
  /** An abort: due at once. */
  #failure: Outcome | undefined;
  /** The source has thrown, and so ended itself: due after the results of what it gave before. */
  #broken: Outcome | undefined;
  #wake: () => void = () => undefined;

  constructor(request: MapRequest) {
    this.#request = request;
    const { source, signal } = request;
    // Object(): a string is an iterable as well.
    this.#isAsync = Symbol.asyncIterator in Object(source);
    this.#source = this.#isAsync
      ? (source as AsyncIterable<unknown>)[Symbol.asyncIterator]()
      : (source as Iterable<unknown>)[Symbol.iterator]();
    if (signal?.aborted === true) this.#abort();
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  get finished(): boolean {
    return this.#exhausted && this.#yielded === this.#items;
  }

  fill(): void {
    while (
      !this.#exhausted &&
      !this.#pulling &&
      this.#failure === undefined &&
      this.#items - this.#yielded < this.#request.concurrency
    ) {
      try {
        const step = this.#source.next();
        if (this.#isAsync) void this.#pull(step);
        else this.#accept(step as IteratorResult<unknown>);
      } catch (error) {
        this.#break(error);
      }
    }
  }

  takeDue(): Outcome | undefined {
    if (this.#failure !== undefined) return this.#failure;
    const outcome = this.#outcomes.get(this.#yielded);
    if (outcome !== undefined) this.#outcomes.delete(this.#yielded++);
    else if (this.finished) return this.#broken;
    return outcome;
  }

  /** Resolves when `takeDue` or `fill` may have something to do. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async end(): Promise<void> {
    this.#request.signal?.removeEventListener('abort', this.#abort);
    for (const call of this.#calls.values()) call.cancel();
    const ended = this.#exhausted ? undefined : this.#source.return?.(undefined);
    // One that still thinks about its next item ends when it can; nobody waits for that.
    if (this.#pulling) Promise.resolve(ended).catch(() => undefined);
    else await ended;
  }

  /** Results are yielded while a slow source thinks about its next item. */
  async #pull(step: Promise<IteratorResult<unknown>> | IteratorResult<unknown>): Promise<void> {
    this.#pulling = true;
    try {
      this.#accept(await step);
    } catch (error) {
      this.#break(error);
    }
    this.#pulling = false;
    this.#wake();
  }

  #break(error: unknown): void {
    this.#exhausted = true;
    this.#broken = { error };
  }

  #accept(step: IteratorResult<unknown>): void {
    if (step.done === true) {
      this.#exhausted = true;
      return;
    }
    const item = this.#items++;
    let call: MapCall;
    try {
      call = this.#request.start(step.value);
    } catch (error) {
      this.#finish(item, { error });
      return;
    }
    this.#calls.set(item, call);
    call.then(
      (value) => this.#finish(item, { value }),
      (error) => this.#finish(item, { error }),
    );
  }

  #finish(item: number, outcome: Outcome): void {
    this.#calls.delete(item);
    this.#outcomes.set(this.#request.ordered ? item : this.#finishedCalls, outcome);
    this.#finishedCalls++;
    this.#wake();
  }
}
