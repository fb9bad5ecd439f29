// A module as users name it: a URL, or a path that is relative to the working directory, as those of fs are.
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { invalidRange, invalidType } from './errors.js';

/** What `import` takes for it, on any thread and in any file. */
export function checkModule(argument: string, given: unknown): string {
  if (given instanceof URL) return given.href;
  if (typeof given !== 'string') {
    throw invalidType(argument, 'a URL or the path of a module', given);
  }
  if (given === '') throw invalidRange(argument, 'the path of a module', given);
  if (/^(?:file|data|node):/u.test(given)) return given;
  return pathToFileURL(isAbsolute(given) ? given : resolve(given)).href;
}
