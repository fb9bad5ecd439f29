// Runs one task over every item of a source, a bounded number at a time.

export interface MapRequest {
  readonly source: Iterable<unknown> | AsyncIterable<unknown>;
  readonly run: (item: unknown) => Promise<unknown>;
  readonly concurrency: number;
  readonly ordered: boolean;
  readonly signal: AbortSignal | undefined;
}

interface Call {
  settled: boolean;
  failed: boolean;
  outcome: unknown;
}

/**
 * Memory is bounded by `concurrency` whatever the source's length: an item is taken from the source
 * only when a call may begin. The first failure ends the iteration; leaving it early ends the source.
 *
 * Whatever happens (an item came, a call settled, the signal was aborted) ends one and the same wait.
 * Nothing is hung on the promise of a slow call or a slow source again and again, and neither holds up
 * results that are there.
 */
export async function* mapTasks(request: MapRequest): AsyncGenerator<unknown, void, undefined> {
  const { run, concurrency, ordered, signal } = request;
  const isAsync = Symbol.asyncIterator in Object(request.source);
  const source = iteratorOf(request.source);
  const running = new Set<Call>();
  const settled: Call[] = [];
  let asked = false;
  let exhausted = false;
  let broken: { readonly error: unknown } | undefined;
  let wake = (): void => undefined;

  const begin = (item: unknown): void => {
    const call: Call = { settled: false, failed: false, outcome: undefined };
    running.add(call);
    const settle = (failed: boolean, outcome: unknown): void => {
      Object.assign(call, { settled: true, failed, outcome });
      if (!ordered) settled.push(call);
      wake();
    };
    run(item).then(
      (value) => settle(false, value),
      (error: unknown) => settle(true, error),
    );
  };
  const arrive = (step: IteratorResult<unknown>): void => {
    if (step.done === true) exhausted = true;
    else begin(step.value);
  };
  // A source that threw has ended itself.
  const breakOff = (error: unknown): void => {
    exhausted = true;
    broken = { error };
  };
  const ask = (): void => {
    try {
      const step = source.next();
      if (!isAsync) {
        arrive(step as IteratorResult<unknown>);
        return;
      }
      asked = true;
      void Promise.resolve(step)
        .then(arrive)
        .catch(breakOff)
        .finally(() => {
          asked = false;
          wake();
        });
    } catch (error) {
      breakOff(error);
    }
  };
  const mayAsk = (): boolean => !asked && !exhausted && running.size < concurrency;
  const onAbort = (): void => wake();
  signal?.addEventListener('abort', onAbort);
  try {
    for (;;) {
      signal?.throwIfAborted();
      while (mayAsk()) ask();
      const call = ordered ? running.values().next().value : settled.shift();
      if (call?.settled === true) {
        running.delete(call);
        if (call.failed) throw call.outcome;
        yield call.outcome;
        continue;
      }
      if (running.size === 0 && broken !== undefined) throw broken.error;
      if (running.size === 0 && exhausted) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
    // One that is still being asked answers when it can: nobody waits for that.
    const ended = exhausted ? undefined : source.return?.(undefined);
    if (asked) Promise.resolve(ended).catch(() => undefined);
    else await ended;
  }
}

function iteratorOf(
  source: Iterable<unknown> | AsyncIterable<unknown>,
): AsyncIterator<unknown> | Iterator<unknown> {
  return Symbol.asyncIterator in Object(source)
    ? (source as AsyncIterable<unknown>)[Symbol.asyncIterator]()
    : (source as Iterable<unknown>)[Symbol.iterator]();
}
