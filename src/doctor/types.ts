import type { Capabilities } from '../capabilities/index.js';

/**
 * - `ok`: as real time and performance want it.
 * - `improvable`: works, with worse figures than this machine could give.
 * - `missing`: what needs it is refused, or its figures mean nothing.
 * - `unknown`: could not be read, as in a virtual machine or a container.
 */
export type FindingState = 'ok' | 'improvable' | 'missing' | 'unknown';

export type FindingGroup = 'privileges' | 'kernel' | 'cpu' | 'memory' | 'program';

/** What puts it right: each is complete, to be copied as it stands. */
export interface Fix {
  /** A command for a shell; in force at once, mostly until the next boot. */
  readonly now?: string | undefined;
  /** A command for a shell that makes it last. */
  readonly keep?: string | undefined;
  /** A line of `[Service]` in a systemd unit. */
  readonly unit?: string | undefined;
  /** Kernel parameters, as for GRUB_CMDLINE_LINUX in /etc/default/grub. */
  readonly boot?: string | undefined;
  /** An option of `docker run`. */
  readonly docker?: string | undefined;
  /** In words, where there is no one command. */
  readonly words?: string | undefined;
}

/** One prerequisite of real time or of performance, as it is here. */
export interface Finding {
  readonly name: string;
  readonly group: FindingGroup;
  readonly state: FindingState;
  /** What was read. */
  readonly found: string;
  /** Why it matters, in one sentence. */
  readonly why: string;
  /** Absent when it is `ok`, and where nothing inside of this machine can change it. */
  readonly fix?: Fix | undefined;
}

export interface Examination {
  /** The CPU on which the loop is meant to run. */
  readonly cpu: number;
  /** The kernel's release, where it could be read. */
  readonly kernel: string | undefined;
  readonly node: string;
  readonly findings: readonly Finding[];
}

export interface ExamineOptions {
  /** A directory with another machine's `proc` and `sys`. Default `/`. */
  readonly root?: string | undefined;
  /** Default: the first isolated CPU that this process may use, or the last of its CPUs. */
  readonly cpu?: number | undefined;
  /** The version of Node to be judged. Default: the one that runs this. */
  readonly node?: string | undefined;
  /** What `capabilities()` gave: what the kernel really grants goes before what files suggest. */
  readonly probes?: Capabilities | undefined;
  /** Why the addon could not be loaded. */
  readonly addonError?: string | undefined;
}
