// The task behind `executor.call`: compiles a function from its source, once per worker.

type Compiled = (...args: unknown[]) => unknown;

const compiled = new Map<string, Compiled>();
const compiledLimit = 1000;

export function runInline(source: unknown, ...args: unknown[]): unknown {
  const text = String(source);
  let task = compiled.get(text);
  if (task === undefined) {
    // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-call -- compiling the caller's own function is what it is for
    task = new Function(`return (${text}\n)`)() as Compiled;
    if (compiled.size >= compiledLimit) compiled.clear();
    compiled.set(text, task);
  }
  return task(...args);
}
