// Every example of the README and of docs compiles in strict mode in a user's project, runs, and prints
// what its comments say: `// → text` is one line of output. The examples of a document lie in one folder.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Project } from './project.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Block {
  readonly file: string;
  readonly code: string;
}

/** Fenced blocks of code; the first line of each names its file. */
function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^```(?:ts|js)\n(.*?)^```$/gmsu)].map(([, code = '']) => ({
    file: /^\/\/ ([\w-]+\.[jt]s)\n/u.exec(code)?.[1] ?? 'unnamed',
    code,
  }));
}

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true })
    .map((name) => `docs/${String(name)}`)
    .filter((name) => name.endsWith('.md')),
].map((name) => {
  const text = readFileSync(join(root, name), 'utf8');
  return { name, text, folder: name.replaceAll(/\W/gu, '-'), blocks: blocksOf(text) };
});
const withCode = documents.filter(({ blocks }) => blocks.length > 0);
let project: Project;

beforeAll(() => {
  project = new Project();
  for (const { folder, blocks } of withCode) {
    for (const { file, code } of blocks) project.write(`${folder}/${file}`, code);
  }
});
afterAll(() => project.remove());

const inTypeScript = withCode.filter(({ blocks }) =>
  blocks.some(({ file }) => file.endsWith('.ts')),
);
test.each(inTypeScript)('what is in TypeScript in $name compiles', ({ folder }) => {
  expect(() => project.compile(folder)).not.toThrow();
});

test('the README and every guide have examples', () => {
  const guides = documents
    .map(({ name }) => name)
    .filter((name) => name.startsWith('docs/guides/'));
  expect(guides.length).toBeGreaterThan(0);
  expect(withCode.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['README.md', ...guides]),
  );
});

test('no block of code escapes by another name of its language', () => {
  for (const { name, text } of documents) {
    expect(text, name).not.toMatch(/^```(?:javascript|typescript|mjs|cjs|mts|cts|jsx|tsx)\b/mu);
  }
});

describe.each(withCode)('$name', ({ folder, blocks }) => {
  test('each block has a name of its own', () => {
    const names = blocks.map(({ file }) => file);
    expect(names).not.toContain('unnamed');
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(blocks)('$file runs and prints what it says', async ({ file, code }) => {
    const script = `${folder}/${file.replace(/\.ts$/u, '.js')}`;
    const { code: exit, stdout, stderr } = await project.run(script);
    const lines = [...code.matchAll(/\/\/ → (.*)$/gmu)].map(([, line]) => `${line}\n`);
    expect(stdout, stderr).toBe(lines.join(''));
    expect(exit).toBe(0);
  });
});

test('every file that a document links to is there', () => {
  const missing = documents.flatMap(({ name, text }) =>
    [...text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/gu)]
      .map(([, path = '']) => join(dirname(name), path))
      .filter((path) => !existsSync(join(root, path)))
      .map((path) => `${name}: ${path}`),
  );
  expect(missing).toEqual([]);
});
