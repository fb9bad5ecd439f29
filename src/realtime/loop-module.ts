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

interface Table {
  set(index: number, value: unknown): void;
}
const { WebAssembly } = globalThis as {
  readonly WebAssembly?: {
    readonly Table: new (of: { element: 'anyfunc'; initial: number }) => Table;
  };
};
const table =
  WebAssembly === undefined ? undefined : new WebAssembly.Table({ element: 'anyfunc', initial: 1 });

/**
 * Whether it is an export of a WebAssembly instance: a table of such functions takes no other
 * (ToWebAssemblyValue in the WebAssembly JavaScript Interface).
 */
export function isWasmExport(value: unknown): boolean {
  try {
    table?.set(0, value);
  } catch {
    return false;
  }
  table?.set(0, null);
  return table !== undefined;
}
