// Reading /sys and /proc below a root, so that a captured machine reads like the live one. Files
// that are missing, unreadable or empty are ordinary here: machines and containers differ.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parseCpuList, parseCpuMask } from './cpu-list.js';

export class SystemFiles {
  readonly root: string;
  /** What absolute paths follow. Not `join`: there are hundreds, and it looks at each character. */
  readonly #before: string;

  constructor(root: string) {
    this.root = root;
    this.#before = root === '/' ? '' : root;
  }

  has(path: string): boolean {
    return existsSync(this.#before + path);
  }

  text(path: string): string | undefined {
    // Many files are not there, and an error's stack is what costs most about that.
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      return readFileSync(this.#before + path, 'utf8');
    } catch {
      return undefined;
    } finally {
      Error.stackTraceLimit = limit;
    }
  }

  /** A file that holds one decimal number. */
  integer(path: string): number | undefined {
    const text = this.text(path)?.trim();
    return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
  }

  list(path: string): number[] | undefined {
    const text = this.text(path);
    return text === undefined ? undefined : parseCpuList(text);
  }

  mask(path: string): number[] | undefined {
    const text = this.text(path);
    return text === undefined ? undefined : parseCpuMask(text);
  }

  names(path: string): string[] {
    try {
      return readdirSync(this.#before + path);
    } catch {
      return [];
    }
  }

  /** Numbers N of the entries `<prefix>N` of a directory, ascending. */
  numbered(path: string, prefix: string): number[] {
    const numbers: number[] = [];
    for (const name of this.names(path)) {
      const rest = name.startsWith(prefix) ? name.slice(prefix.length) : '';
      if (/^\d+$/.test(rest)) numbers.push(Number(rest));
    }
    return numbers.toSorted((a, b) => a - b);
  }
}
