// Arguments of a command, by one table from which types, checks and the help text come.
import { parseArgs } from 'node:util';

interface Described {
  /** One line for the help. */
  readonly help: string;
}
interface Flag extends Described {
  readonly kind: 'flag';
}
interface Text extends Described {
  readonly kind: 'text';
  readonly placeholder: string;
}
interface Whole extends Described {
  readonly kind: 'integer';
  readonly placeholder: string;
  readonly min: number;
  readonly max: number;
  readonly default?: number;
}
/** In seconds; `500ms`, `10s`, `2m`, `1h`, or a plain number. */
interface Duration extends Described {
  readonly kind: 'duration';
  readonly default: number;
}
interface Choice extends Described {
  readonly kind: 'choice';
  readonly choices: readonly string[];
  readonly default: string;
}

type Option = Flag | Text | Whole | Duration | Choice;
export type Options = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O extends Flag
  ? boolean
  : O extends Choice
    ? O['choices'][number]
    : O extends { readonly default: number }
      ? number
      : O extends Whole
        ? number | undefined
        : string | undefined;

/** What the words say; `given` has the names that were written. */
export type Values<T extends Options> = { readonly [K in keyof T]: ValueOf<T[K]> };
export interface Parsed<T extends Options> {
  readonly values: Values<T>;
  readonly given: ReadonlySet<keyof T & string>;
}

/** A word of the command line that is wrong: `argument` is its name, the message says what is allowed. */
export class ArgumentError extends Error {
  readonly code = 'ERR_MOIRAI_INVALID_ARGUMENT';
  readonly argument: string;

  constructor(argument: string, allowed: string, actual?: string) {
    super(`${argument} must be ${allowed}${actual === undefined ? '' : `; got '${actual}'`}`);
    this.argument = argument;
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'ArgumentError' });
  }
}

/** @throws ArgumentError */
export function parse<const T extends Options>(options: T, words: readonly string[]): Parsed<T> {
  const types = Object.entries(options).map(([name, { kind }]) => [
    name,
    { type: kind === 'flag' ? 'boolean' : 'string' } as const,
  ]);
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(types) as Record<string, { type: 'boolean' | 'string' }>,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    if (option.kind === 'flag') values[name] = false;
    else if ('default' in option) values[name] = option.default;
  }
  const given = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') {
      const word = token.kind === 'positional' ? token.value : '--';
      throw new ArgumentError(word, `absent: options are ${listed(options)}`);
    }
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) {
      throw new ArgumentError(token.rawName, `absent: options are ${listed(options)}`);
    }
    given.add(token.name);
    values[token.name] = valueOf(`--${token.name}`, option, token.value);
  }
  return { values: values as Values<T>, given };
}

function listed(options: Options): string {
  return Object.keys(options)
    .map((name) => `--${name}`)
    .join(', ');
}

function valueOf(argument: string, option: Option, word: string | undefined): unknown {
  if (option.kind === 'flag') {
    if (word !== undefined) throw new ArgumentError(argument, 'without a value', word);
    return true;
  }
  const wrong = (allowed: string): ArgumentError =>
    new ArgumentError(argument, allowed, word ?? 'nothing');
  const text = word === undefined || word === '' || word.startsWith('--') ? undefined : word;
  switch (option.kind) {
    case 'text':
      if (text === undefined) throw wrong(`followed by ${option.placeholder}`);
      return text;
    case 'choice':
      if (text !== undefined && option.choices.includes(text)) return text;
      throw wrong(`one of ${option.choices.join(', ')}`);
    case 'integer': {
      const { min, max } = option;
      const value = text !== undefined && /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
      if (value >= min && value <= max) return value;
      throw wrong(`an integer from ${min} to ${max}`);
    }
    case 'duration': {
      const value = seconds(text);
      if (value !== undefined) return value;
      throw wrong('a time such as 500ms, 10s, 2m or 1h, up to a day, or 0');
    }
    default:
      return option satisfies never;
  }
}

/** Longer ones do not fit into a timer of Node. */
const longestSeconds = 24 * 3600;

function seconds(text: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text ?? '');
  if (match === null) return undefined;
  const units: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600 };
  const value = Number(match[1]) * (units[match[2] ?? 's'] ?? 1);
  return value <= longestSeconds ? value : undefined;
}

/** Aligned lines, one for each option. */
export function helpOf(options: Options): string {
  const rows = Object.entries(options).map(([name, option]) => {
    const left = `  --${name}${placeholderOf(option)}`;
    return [left, `${option.help}${defaultOf(option)}`] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => `${left.padEnd(width)}${right}`).join('\n');
}

function placeholderOf(option: Option): string {
  switch (option.kind) {
    case 'flag':
      return '';
    case 'choice':
      return ` ${option.choices.join('|')}`;
    case 'duration':
      return ' TIME';
    default:
      return ` ${option.placeholder}`;
  }
}

function defaultOf(option: Option): string {
  if (!('default' in option)) return '';
  return ` (${option.default}${option.kind === 'duration' ? 's' : ''})`;
}
