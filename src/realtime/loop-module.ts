// Loads a module of ticks on the thread that runs them.
import { MoiraiError } from '../base/index.js';
import type { TickFunction } from './loop-types.js';

/** Its exported functions by name. */
export async function loopFunctions(url: string): Promise<ReadonlyMap<string, TickFunction>> {
  let module: Record<string, unknown>;
  try {
    module = (await import(url)) as Record<string, unknown>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `the module ${url} could not be loaded: ${reason}`;
    throw new MoiraiError('ERR_MOIRAI_TASKS_NOT_LOADED', message, { cause: error });
  }
  const functions = new Map<string, TickFunction>();
  for (const [name, value] of Object.entries(module)) {
    if (typeof value === 'function') functions.set(name, value as TickFunction);
  }
  if (functions.size > 0) return functions;
  throw new MoiraiError('ERR_MOIRAI_TASKS_NOT_LOADED', `the module ${url} exports no function`);
}
