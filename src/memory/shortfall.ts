// What was asked for and could not be had: told in the result, or thrown where it was `required`.
import { getSystemErrorName } from 'node:util';
import { MoiraiError, type ErrorCode } from '../base/index.js';

/** One wish that was not granted, or not as far as it was meant. */
export interface Shortfall {
  readonly what: 'policy' | 'hugePages' | 'lock' | 'placement' | 'region';
  /** One sentence for people. */
  readonly why: string;
  /** The entry of `capabilities()` that says more. */
  readonly capability?: MemoryCapability | undefined;
  /** The code of the error when it was `required`. */
  readonly code: ErrorCode;
  /** What the system call gave, where one failed. */
  readonly errno?: number | undefined;
  readonly syscall?: string | undefined;
}

/** Names of `capabilities()` that this module depends on. */
export type MemoryCapability =
  | 'setMempolicy'
  | 'getMempolicy'
  | 'mbind'
  | 'preferredMany'
  | 'weightedInterleave'
  | 'movePages'
  | 'mlock'
  | 'hugePages'
  | 'transparentHugePages'
  | 'memfd'
  | 'sharedMemory';

export const errno = {
  EPERM: 1,
  ENOENT: 2,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EEXIST: 17,
  EINVAL: 22,
  ENOSPC: 28,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
} as const;

/** A refused system call as a shortfall. */
export function refusal(
  what: Shortfall['what'],
  syscall: string,
  error: number,
  capability?: MemoryCapability,
  why?: string,
): Shortfall {
  return {
    what,
    why: why ?? `${syscall} failed: ${meaningOf(error)}`,
    capability,
    code: codeOf(error),
    errno: error,
    syscall,
  };
}

/** The kernel says EINVAL to a mode that it is too old for. */
export function refusedMode(
  { mode }: { readonly mode: string },
  syscall: string,
  error: number,
  capability: MemoryCapability,
): Shortfall {
  const younger = { 'preferred-many': '5.15', 'weighted-interleave': '6.9' }[mode];
  if (error !== errno.EINVAL || younger === undefined) {
    return refusal('policy', syscall, error, capability);
  }
  const named = mode === 'preferred-many' ? 'preferredMany' : 'weightedInterleave';
  const why = `mode '${mode}' needs Linux ${younger}`;
  return { ...refusal('policy', syscall, error, named, why), code: 'ERR_MOIRAI_NOT_SUPPORTED' };
}

export function failure(shortfall: Shortfall): MoiraiError {
  const { why, code, capability, errno: error, syscall } = shortfall;
  const isExplained = code === 'ERR_MOIRAI_PERMISSION' || code === 'ERR_MOIRAI_NOT_SUPPORTED';
  const more = isExplained && capability !== undefined;
  const message = more ? `${why}; capabilities().${capability} says more` : why;
  return new MoiraiError(code, message, { errno: error, syscall });
}

function codeOf(error: number): ErrorCode {
  switch (error) {
    case errno.EPERM:
    case errno.EACCES:
      return 'ERR_MOIRAI_PERMISSION';
    case errno.ENOSYS:
    case errno.EOPNOTSUPP:
      return 'ERR_MOIRAI_NOT_SUPPORTED';
    case errno.ENOMEM:
    case errno.ENOSPC:
      return 'ERR_MOIRAI_OUT_OF_MEMORY';
    default:
      return 'ERR_MOIRAI_SYSTEM';
  }
}

function meaningOf(error: number): string {
  const name = getSystemErrorName(-error);
  if (error === errno.EPERM) return `${name}, which a seccomp filter without CAP_SYS_NICE answers`;
  if (error === errno.ENOSYS) return `${name}, not in this kernel, or hidden by a filter`;
  return name;
}
