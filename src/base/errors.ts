import type { ErrorCode } from './error-codes.js';

export type { ErrorCode } from './error-codes.js';

/** Details that some codes carry beside the message. */
export interface MoiraiErrorOptions {
  readonly cause?: unknown;
  /** TIMEOUT: whose limit passed. */
  readonly scope?: 'wait' | 'task' | undefined;
  /** SYSTEM and PERMISSION: the positive errno and the system call that returned it. */
  readonly errno?: number | undefined;
  readonly syscall?: string | undefined;
  /** The value that could not be delivered, handed back. */
  readonly value?: unknown;
  /** LAGGED: how many messages. */
  readonly missed?: number | undefined;
  /** Of `select`: the name of the case that failed. */
  readonly key?: string | undefined;
}

/**
 * Every failure that is not a wrong argument. `code` is stable; see docs/errors.md for each.
 *
 * @example
 * try {
 *   await executor.run.digest('/etc/hostname');
 * } catch (error) {
 *   if (error instanceof MoiraiError && error.code === 'ERR_MOIRAI_WORKER_LOST') retry();
 * }
 */
export class MoiraiError extends Error {
  readonly code: ErrorCode;
  declare readonly scope?: 'wait' | 'task';
  declare readonly errno?: number;
  declare readonly syscall?: string;
  declare readonly value?: unknown;
  declare readonly missed?: number;
  declare readonly key?: string;

  constructor(code: ErrorCode, message: string, options: MoiraiErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    const { cause: _, ...details } = options;
    Object.assign(this, details);
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'MoiraiError', configurable: true });
  }
}

/** A TypeError with code ERR_MOIRAI_INVALID_ARGUMENT: the argument has the wrong type or name. */
export function invalidType(argument: string, allowed: string, actual: unknown): TypeError {
  const error = new TypeError(`${argument} must be ${allowed}; got ${describe(actual)}`);
  return Object.assign(error, { code: 'ERR_MOIRAI_INVALID_ARGUMENT' as const, argument });
}

/** A RangeError with code ERR_MOIRAI_INVALID_ARGUMENT: the right type, outside what is allowed. */
export function invalidRange(argument: string, allowed: string, actual: unknown): RangeError {
  const error = new RangeError(`${argument} must be ${allowed}; got ${describe(actual)}`);
  return Object.assign(error, { code: 'ERR_MOIRAI_INVALID_ARGUMENT' as const, argument });
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
    case 'function':
      return value.name ? `function ${value.name}` : 'a function';
    case 'bigint':
      return `${value}n`;
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? `an array of ${value.length}` : 'an object';
    default:
      return String(value);
  }
}
