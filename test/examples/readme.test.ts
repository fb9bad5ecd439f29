// Every example of the README compiles in strict mode in a user's project, runs, and prints what its
// comments say: `// → text` is one line of output.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Project } from './project.js';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** A fenced block; its first line names its file. All of them live in one folder. */
const blocks = [...readme.matchAll(/^```(ts|js)\n(.*?)^```$/gmsu)].map(([, , code = '']) => ({
  file: /^\/\/ ([\w-]+\.[jt]s)\n/u.exec(code)?.[1] ?? 'unnamed',
  code,
}));
let project: Project;

beforeAll(() => {
  project = new Project();
  for (const { file, code } of blocks) project.write(`readme/${file}`, code);
});
afterAll(() => project.remove());

test('each has a name of its own', () => {
  const names = blocks.map(({ file }) => file);
  expect(names).not.toContain('unnamed');
  expect(new Set(names).size).toBe(names.length);
});

test('those in TypeScript compile', () => {
  expect(() => project.compile('readme')).not.toThrow();
});

describe('each runs and prints what it says', () => {
  test.each(blocks)('$file', async ({ file, code }) => {
    const script = `readme/${file.replace(/\.ts$/u, '.js')}`;
    const { code: exit, stdout, stderr } = await project.run(script);
    const lines = [...code.matchAll(/\/\/ → (.*)$/gmu)].map(([, line]) => `${line}\n`);
    expect(stdout, stderr).toBe(lines.join(''));
    expect(exit).toBe(0);
  });
});

test('every file that it links to is there', () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)]+)\)/gu)].map(([, path = '']) => path);
  expect(links.length).toBeGreaterThan(0);
  for (const path of links) {
    expect(() => readFileSync(new URL(`../../${path}`, import.meta.url)), path).not.toThrow(
      /ENOENT/u,
    );
  }
});
