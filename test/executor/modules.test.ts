// Task modules: of every kind that works, and of every kind that does not.
/* oxlint-disable vitest/no-conditional-expect -- the condition is part of the promise */
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Executor, MoiraiError } from 'moirai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  bounded,
  codeOf,
  failureOf,
  fixture,
  runNode,
  sleep,
  startUntyped,
  tasksUrl,
  threadIds,
  until,
} from './kit.js';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'moirai-modules-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function moduleOf(name: string, source: string): string {
  const path = join(directory, name);
  writeFileSync(path, source);
  return path;
}

describe('a module that cannot be used: TASKS_NOT_LOADED with its reason, no thread left', () => {
  const keepsAlive = 'setInterval(() => {}, 1000);';
  const cases: readonly [string, string | undefined, RegExp | undefined][] = [
    ['is missing', undefined, /Cannot find module/u],
    ['throws on load', 'throw new RangeError("at load");', /at load/u],
    ['throws undefined on load', 'throw undefined;', undefined],
    ['has a syntax error', 'export function broken() { return ]; }', /Unexpected token/u],
    ['imports what is missing', 'import "./not-there.mjs";', /Cannot find module/u],
    ['exports no function', 'export const x = 1;', undefined],
    ['exports nothing', '', undefined],
    [
      'waits at the top for what never comes',
      'await new Promise(() => {}); export function f() {}',
      undefined,
    ],
    ['ends its thread', 'process.exit(0); export function f() {}', undefined],
    [
      'throws later, while it loads',
      'setTimeout(() => { throw new Error("later"); }, 5); await new Promise((r) => setTimeout(r, 2000)); export function f() {}',
      /later/u,
    ],
    ['throws after it made a timer', `${keepsAlive} throw new Error("at load");`, /at load/u],
  ];
  test.each(cases)('%s', async (what, source, cause) => {
    const before = threadIds().length;
    const path =
      source === undefined
        ? join(directory, 'missing.mjs')
        : moduleOf(`${what.replaceAll(/\W/gu, '-')}.mjs`, source);
    const error = await failureOf(Executor.start({ tasks: path, threads: 2 }));
    expect(error).toBeInstanceOf(MoiraiError);
    expect(error).toMatchObject({ code: 'ERR_MOIRAI_TASKS_NOT_LOADED' });
    if (cause !== undefined) {
      expect(String(((error as Error).cause as Error | undefined)?.message)).toMatch(cause);
    }
    await until(() => threadIds().length <= before, 'no thread is left over');
  });

  test('is a directory, or a URL that cannot be imported', async () => {
    for (const tasks of [directory, new URL('https://example.invalid/tasks.js'), 'node:nothing']) {
      expect(await codeOf(Executor.start({ tasks, threads: 1 }))).toBe(
        'ERR_MOIRAI_TASKS_NOT_LOADED',
      );
    }
  });
});

describe('a module that fails only in replacements', () => {
  const failing = (how: string) =>
    `import { workerData } from 'moirai/worker';
     const births = new Int32Array(workerData.births);
     if (Atomics.add(births, 0, 1) > 0) { ${how} }
     export function exit() { process.exit(1); }
     export function nothing() {}`;

  test.each([
    ['throws', 'throw new Error("no second time");'],
    ['ends its thread', 'process.exit(5);'],
    ['keeps a timer and throws', 'setInterval(() => {}, 1000); throw new Error("no second time");'],
  ])('%s: waiting tasks end with TASKS_NOT_LOADED, and so do births', async (what, how) => {
    // The package's own name is resolved from the module's place.
    const path = fileURLToPath(fixture(`.generated-${what.replaceAll(' ', '-')}.mjs`));
    writeFileSync(path, failing(how));
    const births = new Int32Array(new SharedArrayBuffer(4));
    try {
      const executor = await startUntyped({
        tasks: path,
        threads: 1,
        workerData: { births: births.buffer },
      });
      const errors: unknown[] = [];
      executor.on('error', (error) => errors.push(error));
      const dying = executor.spawn('exit', []);
      const waiting = executor.spawn('nothing', []);
      expect(await codeOf(dying, 'the dying one')).toBe('ERR_MOIRAI_WORKER_LOST');
      expect(await codeOf(waiting, 'the waiting one')).toBe('ERR_MOIRAI_TASKS_NOT_LOADED');
      expect(await codeOf((async () => executor.spawn('nothing', []))())).toBe('ERR_MOIRAI_CLOSED');
      expect(errors).toHaveLength(1);
      expect(errors[0]).toMatchObject({ code: 'ERR_MOIRAI_TASKS_NOT_LOADED' });
      await bounded(executor.close(), 'close');
      const born = births[0] ?? 0;
      expect(born).toBeLessThan(20);
      await sleep(50);
      expect(births[0]).toBe(born);
    } finally {
      rmSync(path);
    }
  });

  test('exports other functions than before: no task runs as another', async () => {
    const path = fileURLToPath(fixture('.generated-other-names.mjs'));
    const names = fileURLToPath(fixture('.generated-names.mjs'));
    const text = (name: string) =>
      `export function ${name}() { return '${name}'; }
       export function exit() { process.exit(1); }
       export function zebra() { return 'zebra'; }`;
    writeFileSync(path, text('alpha'));
    writeFileSync(names, '');
    try {
      const executor = await startUntyped({ tasks: path, threads: 1 });
      executor.on('error', () => undefined);
      expect(await executor.spawn('zebra', [])).toBe('zebra');
      writeFileSync(path, text('other').replace('export function exit', 'function exit'));
      expect(await codeOf(executor.spawn('exit', []))).toBe('ERR_MOIRAI_WORKER_LOST');
      const outcome = await bounded(
        executor.spawn('zebra', []).then(
          (value) => value,
          (error: unknown) => (error as { code: unknown }).code,
        ),
        'a task after the module changed',
      );
      expect(['zebra', 'ERR_MOIRAI_TASKS_NOT_LOADED']).toContain(outcome);
    } finally {
      rmSync(path);
      rmSync(names);
    }
  });
});

describe('a module that works', () => {
  test('is given as URL, its href, a path, or a path from the current directory', async () => {
    const path = fileURLToPath(tasksUrl);
    const relative = path.slice(process.cwd().length + 1);
    for (const tasks of [tasksUrl, tasksUrl.href, path, relative, `./${relative}`]) {
      const executor = await startUntyped({ tasks, threads: 1 });
      expect(await executor.spawn('add', [1, 2])).toBe(3);
    }
  });

  test('may have any name that a file can have', async () => {
    const executor = await startUntyped({
      tasks: moduleOf('ünï cødé %20 #1?.mjs', 'export function f() { return 1; }'),
      threads: 1,
    });
    expect(await executor.spawn('f', [])).toBe(1);
  });

  test("has its default export as 'default'", async () => {
    const executor = await startUntyped({
      tasks: moduleOf('default.mjs', 'export default (n) => n + 1; export const other = () => 2;'),
      threads: 1,
    });
    expect(Object.keys(executor.run).sort()).toEqual(['default', 'other']);
    expect(await executor.spawn('default', [1])).toBe(2);
  });

  test('may be CommonJS, with named exports, with a function, or with an object made late', async () => {
    const named = await startUntyped({
      tasks: moduleOf(
        'named.cjs',
        'exports.one = () => 1; exports.two = async () => 2; exports.n = 5;',
      ),
      threads: 1,
    });
    expect(Object.keys(named.run).sort()).toEqual(['one', 'two']);
    expect(await named.spawn('two', [])).toBe(2);
    const single = await startUntyped({
      tasks: moduleOf('single.cjs', 'module.exports = (n) => n * 2;'),
      threads: 1,
    });
    expect(Object.keys(single.run)).toEqual(['default']);
    expect(await single.spawn('default', [4])).toBe(8);
    const late = await startUntyped({
      tasks: moduleOf(
        'late.cjs',
        'const o = {}; for (const n of ["a", "b"]) o[n] = () => n; module.exports = o;',
      ),
      threads: 1,
    });
    expect(Object.keys(late.run).sort()).toEqual(['a', 'b']);
    expect(await late.spawn('b', [])).toBe('b');
  });

  test('may export names that objects have', async () => {
    const executor = await startUntyped({
      tasks: moduleOf(
        'names.mjs',
        `function f() { return 'mine'; }
         export { f as constructor, f as toString, f as __proto__, f as hasOwnProperty, f as toJSON };`,
      ),
      threads: 1,
    });
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'toJSON']) {
      expect(await executor.spawn(name, [])).toBe('mine');
      expect(await (executor.run[name] as () => Promise<unknown>)()).toBe('mine');
    }
  });

  test('may wait at the top for what comes', async () => {
    const executor = await startUntyped({
      tasks: moduleOf(
        'slow.mjs',
        'await new Promise((r) => setTimeout(r, 50)); export const f = () => 1;',
      ),
    });
    expect(await executor.spawn('f', [])).toBe(1);
  });

  const loader = ['--import', fixture('register-tsx.mjs').href];

  test('in TypeScript, by a loader given in execArgv', async () => {
    const executor = await startUntyped({
      tasks: fixture('typed-tasks.ts'),
      threads: 1,
      execArgv: loader,
    });
    expect(await bounded(executor.spawn('area', [{ width: 3, height: 4 }]), 'area')).toBe(12);
  });

  test('in TypeScript, by the loader that this process runs with', async () => {
    const end = await runNode([...loader, fileURLToPath(fixture('typed-program.ts'))]);
    expect({ code: end.code, stdout: end.stdout.trim() }, end.stderr).toEqual({
      code: 0,
      stdout: '12 Square',
    });
  });

  test('data: URLs are modules too', async () => {
    const executor = await startUntyped({
      tasks: 'data:text/javascript,export const f = () => 1',
      threads: 1,
    });
    expect(await executor.spawn('f', [])).toBe(1);
  });
});
