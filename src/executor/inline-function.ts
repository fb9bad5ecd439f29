// The source of a function that `call` sends to a worker.
import { invalidType } from '../base/index.js';

const sources = new WeakMap<object, string>();

/**
 * A function's source as an expression. Arrow functions, function expressions and methods will do;
 * native and bound functions and classes have no source that could run elsewhere.
 */
export function inlineSource(fn: unknown): string {
  if (typeof fn !== 'function') throw invalidType('fn', 'a function', fn);
  let source = sources.get(fn);
  if (source === undefined) {
    source = expressionOf(fn as (...args: never[]) => unknown);
    sources.set(fn, source);
  }
  return source;
}

function expressionOf(fn: (...args: never[]) => unknown): string {
  const text = Function.prototype.toString.call(fn);
  if (/^class\b/u.test(text)) throw invalidType('fn', 'a function, not a class', fn);
  // A method's source is no expression of its own, but it is one inside an object.
  const asMethod = `Object.values({${text}})[0]`;
  for (const candidate of [text, asMethod]) {
    if (compiles(candidate)) return candidate;
  }
  throw invalidType('fn', 'a function with source code (not native or bound)', fn);
}

function compiles(expression: string): boolean {
  try {
    // oxlint-disable-next-line eslint/no-new, typescript/no-implied-eval -- only parsed, never called
    new Function(`return (${expression}\n)`);
    return true;
  } catch {
    return false;
  }
}
