// Child processes that measure: started with a request, they answer with one line of JSON.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Starts a program of this folder; `onlyCpu` binds all of it to one CPU. */
export function start(name, request, { onlyCpu, flags = [] } = {}) {
  const argument = typeof request === 'string' ? request : JSON.stringify(request);
  const command = [process.execPath, ...flags, program(name), argument];
  if (onlyCpu !== undefined) command.unshift('taskset', '-c', String(onlyCpu));
  return spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** What the program answers. */
export async function ask(name, request, options) {
  const child = start(name, request, options);
  let line = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => (line += chunk));
  const [code, signal] = await once(child, 'close');
  if (code !== 0) {
    throw new Error(`${name} ${JSON.stringify(request)}: ended with ${code ?? signal}`);
  }
  return JSON.parse(line);
}
