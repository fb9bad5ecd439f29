// What a check is made of.
import type { Machine } from './machine.js';
import type { Finding, FindingGroup, FindingState, Fix } from './types.js';

/** What a check found; why it matters stands beside it. */
export interface Verdict {
  readonly state: FindingState;
  readonly found: string;
  readonly fix?: Fix | undefined;
}

export interface Check {
  readonly name: string;
  readonly group: FindingGroup;
  readonly why: string;
  readonly look: (machine: Machine) => Verdict;
}

export function findingOf({ name, group, why, look }: Check, machine: Machine): Finding {
  const { fix, ...verdict } = look(machine);
  return { name, group, ...verdict, why, ...(fix === undefined ? {} : { fix }) };
}

export function ok(found: string): Verdict {
  return { state: 'ok', found };
}

export function improvable(found: string, fix?: Fix): Verdict {
  return { state: 'improvable', found, fix };
}

export function missing(found: string, fix?: Fix): Verdict {
  return { state: 'missing', found, fix };
}

export function unknown(found: string, fix?: Fix): Verdict {
  return { state: 'unknown', found, fix };
}

/** A sysctl, at once and for good. */
export function sysctl(name: string, value: string | number): Fix {
  return {
    now: `sudo sysctl -w ${name}=${value}`,
    keep: `echo '${name} = ${value}' | sudo tee -a /etc/sysctl.d/90-realtime.conf`,
  };
}

/** Writing a value to a file of the kernel. */
export function write(value: string | number, path: string): string {
  return `echo ${value} | sudo tee ${path}`;
}
