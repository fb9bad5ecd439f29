// Runs the command as a user does: the file that package.json names, in a process of its own.
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);
const { bin } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  bin: { moirai: string };
};
export const program = fileURLToPath(new URL(bin.moirai, root));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves when the text has come on stderr. */
  said(text: string): Promise<void>;
  readonly ended: Promise<Ended>;
}

/** `before`: words before the program, as flags of node or another command with its own words. */
export function start(
  words: readonly string[],
  before: readonly string[] = [process.execPath],
  environment: NodeJS.ProcessEnv = {},
): Running {
  const [command = '', ...first] = before;
  const child = spawn(command, [...first, program, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: undefined, NODE_OPTIONS: undefined, ...environment },
  });
  let stdout = '';
  let stderr = '';
  const hear = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    for (const listen of hear) listen();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return {
    child,
    ended,
    said: (text) =>
      new Promise((resolve) => {
        const listen = (): void => {
          if (!stderr.includes(text)) return;
          hear.delete(listen);
          resolve();
        };
        hear.add(listen);
        listen();
      }),
  };
}

export function moirai(...words: readonly string[]): Promise<Ended> {
  return start(words).ended;
}
