// Every @example in the documentation of the source compiles in strict mode in a user's project. Most are
// fragments; what they stand among is in tsdoc-context.ts, by name.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as moirai from 'moirai';
import * as worker from 'moirai/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Project } from './project.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const context = readFileSync(new URL('./tsdoc-context.ts', import.meta.url), 'utf8');

/** The text after `@example` up to the next tag, or the end of its comment. */
function* examplesIn(source: string): Generator<string> {
  for (const [comment] of source.matchAll(/\/\*\*(?:(?!\*\/)[\s\S])*\*\//gu)) {
    const text = comment.slice(0, -2).replaceAll(/^ *\* ?/gmu, '');
    for (const [, code = ''] of text.matchAll(/^@example\n([\s\S]*?)(?=^@\w|(?![\s\S]))/gmu)) {
      yield code.trimEnd();
    }
  }
}

const types = 'Codec RealtimeEvent MetricsSink PlacementPolicy QueuedTask QueuePolicy Tick'.split(
  ' ',
);
const named = new Map<string, string>([
  ...Object.keys(moirai).map((name) => [name, 'moirai'] as const),
  ...Object.keys(worker).map((name) => [name, 'moirai/worker'] as const),
  ...[...context.matchAll(/^export (?:declare )?(?:const|class|function|\{) ?(\w+)/gmu)].map(
    ([, name = '']) => [name, '../tsdoc-context.js'] as const,
  ),
]);

/** The example as a module, with an import for each name that it uses and does not make itself. */
function moduleOf(example: string): string {
  const declared = new Set(
    [
      ...example.matchAll(
        /^(?:export )?(?:const|let|(?:await )?using|function|class|import) (.*)/gmu,
      ),
    ].flatMap(
      ([, rest = '']) =>
        (rest.replaceAll(/(?<=[{,] )\w+: /gu, '').split(/ = | from |\(|: /u)[0] ?? '').match(
          /\w+/gu,
        ) ?? [],
    ),
  );
  const code = example.replaceAll(/\/\/.*$|'[^']*'/gmu, '');
  const used = new Set(code.match(/(?<![.\w])[A-Za-z]\w*/gu));
  const imports = [...named]
    .filter(([name]) => used.has(name) && !declared.has(name))
    .map(([name, from]) => `import { ${name} } from '${from}';`);
  const typed = types
    .filter((name) => used.has(name) && !declared.has(name))
    .map((name) => `import type { ${name} } from 'moirai';`);
  return [...imports, ...typed, example, 'export {};', ''].join('\n');
}

const examples = readdirSync(`${root}src`, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith('.ts'))
  .sort()
  .flatMap((file) =>
    [...examplesIn(readFileSync(`${root}src/${file}`, 'utf8'))].map((example, index) => ({
      name: `${file.slice(0, -3).replaceAll('/', '-')}-${index + 1}`,
      example,
    })),
  );
let project: Project;
let errors = '';

beforeAll(() => {
  project = new Project();
  project.write('tsdoc/tsdoc-context.ts', context);
  // The modules of tasks and ticks that examples name.
  const digest = 'export declare const digest: (path: string) => string;';
  project.write('tsdoc/examples/tasks.ts', digest);
  project.write('tsdoc/examples/loops.ts', 'export declare const control: () => void;');
  for (const { name, example } of examples) {
    project.write(`tsdoc/examples/${name}.ts`, moduleOf(example));
  }
  try {
    project.compile('tsdoc');
  } catch (error) {
    errors = (error as Error).message;
  }
});
afterAll(() => project.remove());

test('there are examples', () => {
  expect(examples.length).toBeGreaterThan(50);
});

test.each(examples)('$name', ({ name }) => {
  const own = errors.split('\n').filter((line) => line.includes(`/${name}.ts(`));
  expect(own).toEqual([]);
});

test('nothing else went wrong', () => {
  expect(errors.split('\n').filter((line) => line !== '' && !/\/examples\//u.test(line))).toEqual(
    [],
  );
});
