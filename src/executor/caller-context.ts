// Values of the caller's AsyncLocalStorage that tasks find in their worker: taken when a task is spawned,
// sent before its arguments, entered while it runs.
import { AsyncLocalStorage } from 'node:async_hooks';
import { invalidType } from '../base/index.js';

export type CallerContext = Readonly<Record<string, AsyncLocalStorage<unknown>>>;

export function checkContext(context: unknown): CallerContext {
  if (typeof context !== 'object' || context === null) {
    throw invalidType('options.context', 'an object of AsyncLocalStorages', context);
  }
  for (const [name, storage] of Object.entries(context)) {
    if (storage instanceof AsyncLocalStorage) continue;
    throw invalidType(`options.context.${name}`, 'an AsyncLocalStorage', storage);
  }
  return context as CallerContext;
}

/** One value for each name, in the order of the names. */
export function snapshot(context: CallerContext, names: readonly string[]): unknown[] {
  return names.map((name) => context[name]?.getStore());
}

const storages = new Map<string, AsyncLocalStorage<unknown>>();

/** The worker's storage of this name. */
export function storageOf(name: string): AsyncLocalStorage<unknown> {
  let storage = storages.get(name);
  if (storage === undefined) {
    storage = new AsyncLocalStorage();
    storages.set(name, storage);
  }
  return storage;
}

/** Runs `body` where the storages of these names have these values. */
export function withContext<T>(
  names: readonly string[],
  values: readonly unknown[],
  body: () => T,
): T {
  let run = body;
  for (const [index, name] of names.entries()) {
    const inner = run;
    run = () => storageOf(name).run(values[index], inner);
  }
  return run();
}
