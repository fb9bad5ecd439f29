// Checks of arguments at the public surface. Each names the argument, what came and what is allowed.
import { invalidRange, invalidType } from './errors.js';

export function checkInteger(argument: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number') throw invalidType(argument, `an integer`, value);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalidRange(argument, `an integer from ${min} to ${max}`, value);
  }
  return value;
}

/** A time in milliseconds; fractions are allowed, Infinity is not. */
export function checkMilliseconds(argument: string, value: unknown): number {
  if (typeof value !== 'number') throw invalidType(argument, 'a number of milliseconds', value);
  if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
    throw invalidRange(argument, 'a number of milliseconds, 0 or more', value);
  }
  return value;
}

export function checkOneOf<const T extends string>(
  argument: string,
  value: unknown,
  allowed: readonly T[],
): T {
  const list = allowed.map((name) => `'${name}'`).join(', ');
  if (typeof value !== 'string') throw invalidType(argument, `one of ${list}`, value);
  const found = allowed.find((name) => name === value);
  if (found === undefined) throw invalidRange(argument, `one of ${list}`, value);
  return found;
}

export function checkBoolean(argument: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalidType(argument, 'a boolean', value);
  return value;
}

/** The options object itself: an object, with no key that is not known (a misspelt one is named). */
export function checkOptions<T extends object>(
  argument: string,
  value: T | undefined,
  known: readonly (keyof T & string)[],
): Partial<T> {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidType(argument, 'an options object', value);
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key as keyof T & string)) {
      const hint = nearest(key, known);
      throw invalidType(
        `${argument}.${key}`,
        hint ? `absent (did you mean '${hint}'?)` : `absent: options are ${known.join(', ')}`,
        (value as Record<string, unknown>)[key],
      );
    }
  }
  return value;
}

/** The known name within two edits of what was written, if there is one. */
function nearest(word: string, known: readonly string[]): string | undefined {
  const scored = known.map((name) => ({ name, distance: editDistance(word, name) }));
  scored.sort((a, b) => a.distance - b.distance);
  const best = scored[0];
  return best !== undefined && best.distance <= 2 ? best.name : undefined;
}

function editDistance(a: string, b: string): number {
  const left = a.toLowerCase();
  const right = b.toLowerCase();
  let row = Array.from({ length: right.length + 1 }, (_, j) => j);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
