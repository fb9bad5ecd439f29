// Runs one task over every item of a source, a bounded number at a time.

export interface MapRequest {
  readonly source: Iterable<unknown> | AsyncIterable<unknown>;
  readonly run: (item: unknown) => Promise<unknown>;
  readonly concurrency: number;
  readonly ordered: boolean;
  readonly signal: AbortSignal | undefined;
}

type Outcome = { readonly key: number; readonly value: unknown };

/**
 * Memory is bounded by `concurrency` whatever the source's length: an item is taken from the source
 * only when a call may begin. The first failure ends the iteration; leaving it early ends the source.
 */
export async function* mapTasks(request: MapRequest): AsyncGenerator<unknown, void, undefined> {
  const { run, concurrency, ordered, signal } = request;
  const source = iteratorOf(request.source);
  const running = new Map<number, Promise<Outcome>>();
  let nextKey = 0;
  let exhausted = false;
  const fill = async (): Promise<void> => {
    while (!exhausted && running.size < concurrency) {
      const step = await source.next();
      if (step.done === true) {
        exhausted = true;
        return;
      }
      const key = nextKey++;
      const call = run(step.value).then((value): Outcome => ({ key, value }));
      // A failure is met when its turn comes; until then it is not an unhandled one.
      call.catch(() => undefined);
      running.set(key, call);
    }
  };
  try {
    for (;;) {
      signal?.throwIfAborted();
      await fill();
      if (running.size === 0) return;
      const first = running.values().next().value as Promise<Outcome>;
      const done = await until(ordered ? first : Promise.race(running.values()), signal);
      running.delete(done.key);
      yield done.value;
    }
  } finally {
    if (!exhausted) await source.return?.(undefined);
  }
}

function iteratorOf(
  source: Iterable<unknown> | AsyncIterable<unknown>,
): AsyncIterator<unknown> | Iterator<unknown> {
  return Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
}

function until<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
