// Runs the compiler over the whole project once; each file of test/types is a test by its own name.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
let errors: string[];
let compiled: Set<string>;

function tsc(...args: string[]): string[] {
  const command = ['-p', 'tsconfig.json', '--noEmit', '--pretty', 'false', ...args];
  const { stdout } = spawnSync(`${root}node_modules/.bin/tsc`, command, {
    cwd: root,
    encoding: 'utf8',
  });
  return stdout.split('\n').filter((line) => line !== '');
}

beforeAll(() => {
  errors = tsc();
  compiled = new Set(tsc('--listFilesOnly'));
});

const files = readdirSync(`${root}test/types`).filter((name) => name.endsWith('.test-d.ts'));

describe('types', () => {
  test.each(files)('%s', (name) => {
    expect(compiled).toContain(`${root}test/types/${name}`);
    expect(errors.filter((line) => line.startsWith(`test/types/${name}`))).toEqual([]);
  });

  test('everything else compiles', () => {
    expect(errors.filter((line) => !line.startsWith('test/types/'))).toEqual([]);
  });
});
