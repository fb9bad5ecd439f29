// The user's own codecs of one executor, looked up by the prototype of what is to be sent.
import { invalidRange, invalidType, MoiraiError } from '../base/index.js';

/**
 * How instances of a class cross threads as instances: one side takes them apart into a value that can
 * be sent (which may hold instances of other classes with codecs), the other puts them together again.
 * Give them to an executor as the exports of a module, which both sides import (`options.codecs`).
 *
 * It is for instances of exactly this class; those of a subclass need a codec of their own, or arrive as
 * plain objects. `encode` and `decode` are called synchronously, once for each instance in a message.
 * What `encode` gives must not hold the instance itself.
 *
 * @example
 * export const money: Codec<Money> = {
 *   type: Money,
 *   encode: ({ cents, currency }) => [cents, currency],
 *   decode: (encoded) => new Money(...(encoded as [bigint, string])),
 * };
 */
export interface Codec<T> {
  readonly type: new (...args: never[]) => T;
  /** What messages call it; by default the name of its export. */
  readonly name?: string | undefined;
  encode(value: T): unknown;
  decode(encoded: unknown): T;
}

export class CodecTable {
  /** Names of the exports, in the order of the codecs' numbers. */
  readonly exports: readonly string[];
  readonly #codecs: readonly Codec<unknown>[];
  readonly #numbers = new Map<object | null, number>();

  /** @param exports names and values of a codec module's exports, in an order that every thread has */
  constructor(exports: readonly (readonly [name: string, value: unknown])[]) {
    this.exports = exports.map(([name]) => name);
    this.#codecs = exports.map(([name, value]) => checkCodec(name, value));
    for (const [number, { type }] of this.#codecs.entries()) {
      const prototype = type.prototype as object;
      const other = this.#numbers.get(prototype);
      if (other !== undefined) {
        throw invalidRange(
          `options.codecs: ${this.exports[number]}.type`,
          `a class that has no other codec (${this.exports[other]} is for ${type.name} as well)`,
          type,
        );
      }
      this.#numbers.set(prototype, number);
    }
  }

  /** The number of the codec for objects of this prototype; -1: there is none. */
  numberOf(prototype: object | null): number {
    return this.#numbers.get(prototype) ?? -1;
  }

  encode(number: number, value: object): unknown {
    try {
      return this.#codecs[number]?.encode(value);
    } catch (error) {
      throw this.#failure(`${this.nameOf(number)} could not encode an instance`, error);
    }
  }

  decode(number: number, encoded: unknown): unknown {
    const codec = this.#codecs[number];
    if (codec === undefined) throw new MoiraiError('ERR_MOIRAI_CORRUPT', 'no such codec');
    try {
      return codec.decode(encoded);
    } catch (error) {
      throw this.#failure(`${this.nameOf(number)} could not decode an instance`, error);
    }
  }

  /** The error for an instance in what `encode` made of it. */
  cycle(number: number): MoiraiError {
    return this.#failure(
      `what ${this.nameOf(number)} makes of an instance holds it itself`,
      undefined,
    );
  }

  nameOf(number: number): string {
    const codec = this.#codecs[number];
    return `codec '${codec?.name ?? this.exports[number]}' of ${codec?.type.name}`;
  }

  #failure(what: string, cause: unknown): MoiraiError {
    const why = cause instanceof Error ? `: ${cause.message}` : '';
    return new MoiraiError('ERR_MOIRAI_NOT_SERIALIZABLE', `${what}${why}`, { cause });
  }
}

function checkCodec(name: string, value: unknown): Codec<unknown> {
  const argument = `options.codecs: ${name}`;
  if (typeof value !== 'object' || value === null) {
    throw invalidType(argument, 'a codec ({ type, encode, decode })', value);
  }
  const codec = value as Partial<Codec<unknown>>;
  const { type, name: own }: { readonly type?: unknown; readonly name?: unknown } = codec;
  const prototype: unknown = typeof type === 'function' ? type.prototype : undefined;
  if (typeof prototype !== 'object' || prototype === null) {
    throw invalidType(`${argument}.type`, 'a class', type);
  }
  if (prototype === Object.prototype || prototype === Array.prototype) {
    throw invalidRange(`${argument}.type`, 'a class other than Object and Array', type);
  }
  for (const method of ['encode', 'decode'] as const) {
    if (typeof codec[method] === 'function') continue;
    throw invalidType(`${argument}.${method}`, 'a function', codec[method]);
  }
  if (own !== undefined && typeof own !== 'string') {
    throw invalidType(`${argument}.name`, 'a string', own);
  }
  return codec as Codec<unknown>;
}
