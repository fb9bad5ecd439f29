// The decoder's memory of key blocks: the keys as strings, and after a while a generated function that
// makes such an object in one step. Bounded: a block that falls on another's place replaces it.
import { fromKeyBlock } from './key-block.js';
import { nothing } from './nothing.js';
import { readValue } from './read-value.js';
import type { Reader } from './reader.js';

const PLACES = 512;
/** A function is generated for what has come this often ... */
const HOT = 16;
/** ... and for no more than so many in a thread's life, as the engine keeps their code for long. */
const MAX_GENERATED = 2048;

let generated = 0;

export class DecodedShape {
  readonly #hash: number;
  readonly #words: readonly number[];
  readonly #keys: readonly string[];
  #uses = 0;
  #construct: ((reader: Reader) => object) | undefined = undefined;

  constructor(hash: number, words: readonly number[], keys: readonly string[]) {
    this.#hash = hash;
    this.#words = words;
    this.#keys = keys;
  }

  /** Whether `at` holds the hash and `size` bytes of exactly these keys. */
  matches(view: DataView, at: number, size: number): boolean {
    const words = this.#words;
    if (words.length * 4 !== size || view.getUint32(at, true) !== this.#hash) return false;
    for (let i = 0; i < words.length; i++) {
      if (view.getInt32(at + 4 + i * 4, true) !== words[i]) return false;
    }
    return true;
  }

  /** An object of a TREE. */
  build(reader: Reader): object {
    const construct = this.#construct;
    if (construct !== undefined) return construct(reader);
    if (++this.#uses === HOT) this.#construct = generate(this.#keys);
    return this.fill(reader);
  }

  /** An object that is numbered before its values are read, or that may lack some. */
  fill(reader: Reader): object {
    const object: object = reader.add({});
    for (const key of this.#keys) {
      const value = readValue(reader);
      if (value !== nothing) setProperty(object, key, value);
    }
    return object;
  }
}

const places = new Array<DecodedShape | undefined>(PLACES).fill(undefined);

/** The shape whose hash and key block are at `at`; undefined where the bytes are no key block. */
export function findShape(view: DataView, at: number, size: number): DecodedShape | undefined {
  const place = view.getUint32(at, true) & (PLACES - 1);
  const found = places[place];
  if (found?.matches(view, at, size) === true) return found;
  const keys = fromKeyBlock(view, at + 4, size);
  if (keys === undefined) return undefined;
  const words: number[] = [];
  for (let i = 0; i < size; i += 4) words.push(view.getInt32(at + 4 + i, true));
  const shape = new DecodedShape(view.getUint32(at, true), words, keys);
  places[place] = shape;
  return shape;
}

/** Sets as structuredClone does, past any setter of the prototype. */
export function setProperty(object: object, key: string, value: unknown): void {
  if (key in object) {
    Object.defineProperty(object, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } else {
    (object as Record<string, unknown>)[key] = value;
  }
}

/** `(reader) => ({ "id": read(reader), … })`, or undefined where code may not be made from strings. */
function generate(keys: readonly string[]): ((reader: Reader) => object) | undefined {
  if (generated >= MAX_GENERATED) return undefined;
  generated = generated + 1;
  // Computed keys: a literal "__proto__" would set the prototype.
  const fields = keys.map((key) =>
    key === '__proto__' ? '["__proto__"]: read(reader)' : `${JSON.stringify(key)}: read(reader)`,
  );
  try {
    const source = `return (reader) => ({ ${fields.join(', ')} });`;
    // oxlint-disable-next-line typescript/no-implied-eval -- keys are all that enters the source, and they are quoted
    return (new Function('read', source) as (read: typeof readValue) => (reader: Reader) => object)(
      readValue,
    );
  } catch {
    generated = MAX_GENERATED;
    return undefined;
  }
}
