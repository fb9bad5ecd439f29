// Builds `executor.run`: one own function for each task, and an error for every other name.
import { MoiraiError } from '../base/index.js';

/** Names that the language or tools look up on any object; not tasks that somebody misspelt. */
const probed = new Set<string | symbol>([
  'then',
  'toJSON',
  'href',
  'constructor',
  'nodeType',
  'asymmetricMatch',
]);

export function notFound(name: string, names: readonly string[]): MoiraiError {
  return new MoiraiError(
    'ERR_MOIRAI_TASK_NOT_FOUND',
    `the task module exports no function '${name}'; it has ${names.join(', ') || 'none'}`,
  );
}

/**
 * Own properties are found without passing through the proxy, which stands behind them as the
 * prototype and only sees names that do not exist.
 */
export function createRunner(
  names: readonly string[],
  run: (index: number, args: unknown[]) => Promise<unknown>,
): object {
  const prototype = new Proxy(Object.create(null) as object, {
    get(_, name) {
      if (typeof name === 'symbol' || probed.has(name)) return undefined;
      throw notFound(name, names);
    },
  });
  const runner = Object.create(prototype) as Record<string, unknown>;
  for (const [index, name] of names.entries()) {
    Object.defineProperty(runner, name, {
      value: (...args: unknown[]) => run(index + 1, args),
      enumerable: true,
    });
  }
  return runner;
}
