// The machines captured beside the project, as far as they are there.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const captureFolder = fileURLToPath(new URL('../../../shared/topologies', import.meta.url));

export const captures: readonly string[] = existsSync(captureFolder)
  ? readdirSync(captureFolder).filter((name) => name.endsWith('.tar.bz2'))
  : [];

/** Unpacks one, gives its root to `use`, and removes it again. */
export function withCapture<T>(archive: string, use: (root: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'moirai-captured-'));
  try {
    const file = join(captureFolder, archive);
    execFileSync('tar', ['-xjf', file, '-C', directory, '--no-same-owner']);
    return use(join(directory, readdirSync(directory)[0] ?? ''));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
