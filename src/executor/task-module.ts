// Loads a task module in a worker and finds the tasks in it.
import { MoiraiError } from '../base/index.js';

type TaskFunction = (...args: unknown[]) => unknown;

/** The module's exported functions by name, in an order that is the same in every worker. */
export async function taskFunctions(
  url: string | undefined,
): Promise<ReadonlyMap<string, TaskFunction>> {
  const tasks = new Map<string, TaskFunction>();
  if (url === undefined) return tasks;
  let module: Record<string, unknown>;
  try {
    module = (await import(url)) as Record<string, unknown>;
  } catch (error) {
    throw new MoiraiError(
      'ERR_MOIRAI_TASKS_NOT_LOADED',
      `the task module ${url} could not be loaded: ${messageOf(error)}`,
      { cause: error },
    );
  }
  for (const name of Object.keys(module).sort()) {
    if (name === 'module.exports') continue; // Node's name for what `default` is already
    const value = module[name];
    if (isTask(value)) tasks.set(name, value);
  }
  // A CommonJS module's exports are the properties of its default export.
  const common = module['default'];
  if (typeof common === 'object' && common !== null) {
    for (const [name, value] of Object.entries(common)) {
      if (isTask(value) && !tasks.has(name)) tasks.set(name, value);
    }
  }
  if (tasks.size === 0) {
    throw new MoiraiError(
      'ERR_MOIRAI_TASKS_NOT_LOADED',
      `the task module ${url} exports no function`,
    );
  }
  return tasks;
}

/** A class is a function as well, but not one that can be called. */
function isTask(value: unknown): value is TaskFunction {
  return typeof value === 'function' && !/^class\b/u.test(Function.prototype.toString.call(value));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
