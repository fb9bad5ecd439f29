import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { numa, topology } from 'moirai';

const oneNode = topology().nodes.filter(({ bytes }) => bytes > 0).length === 1;
if (!oneNode) console.log('what one node means is not tested: this machine has several');
const mebibyte = 2 ** 20;

describe('numa.allocate', () => {
  test('gives memory that every view of it shares', () => {
    const memory = numa.allocate(10_000);
    expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(memory.bytes).toBe(10_000);
    expect(memory.buffer.byteLength).toBe(10_000);
    expect(memory.placement).toBe('default');
    expect(memory.degraded).toEqual([]);
    const doubles = memory.view(Float64Array);
    expect(doubles.length).toBe(1250);
    doubles[3] = 1.5;
    expect(memory.view(DataView).getFloat64(24, true)).toBe(1.5);
    expect(Atomics.add(memory.view(Int32Array), 0, 5)).toBe(0);
    expect(memory.view(Uint8Array)[0]).toBe(5);
  });

  test.runIf(oneNode)('for a node or by a policy is a no-op that says so on one node', () => {
    for (const options of [
      { node: 0 },
      { node: 3 },
      { policy: { mode: 'bind', nodes: [0, 1] } },
      { policy: { mode: 'weighted-interleave', nodes: [0] } },
      { policy: { mode: 'local' } },
    ] as const) {
      const memory = numa.allocate(mebibyte, { ...options, required: true });
      expect(memory.placement).toBe('single-node');
      expect(memory.degraded).toEqual([]);
    }
  });

  test('pages are on no node until they are touched, and then on one', () => {
    const memory = numa.allocate(mebibyte);
    const pages = memory.pageNodes();
    expect(new Set(pages)).toEqual(new Set([-1]));
    memory.view(Uint8Array)[0] = 1;
    memory.view(Uint8Array)[mebibyte - 1] = 1;
    const after = memory.pageNodes();
    expect(after.length).toBe(pages.length);
    expect(topology().nodes.map(({ id }) => id)).toContain(after[0]);
    expect(after.at(-1)).toBeGreaterThanOrEqual(0);
    expect(after[1]).toBe(-1);
  });

  test('another thread sees the same bytes', async () => {
    const memory = numa.allocate(4096);
    const worker = new Worker(
      `const { workerData } = require('node:worker_threads');
       new Int32Array(workerData)[1] = 42;`,
      { eval: true, workerData: memory.buffer },
    );
    await new Promise((resolve) => worker.once('exit', resolve));
    expect(memory.view(Int32Array)[1]).toBe(42);
  });

  test('what cannot be reserved is an error with a code', () => {
    expect(() => numa.allocate(2 ** 52)).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_OUT_OF_MEMORY' }),
    );
  });
});

describe('free', () => {
  /** Kilobytes of anonymous memory that this process has. */
  const resident = (): number =>
    Number(/^RssAnon:\s*(\d+)/mu.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);

  test('gives the pages back, and what is read afterwards is zero', () => {
    const bytes = 64 * mebibyte;
    const memory = numa.allocate(bytes);
    const view = memory.view(Uint8Array);
    view.fill(1);
    const full = resident();
    memory.free();
    expect(full - resident()).toBeGreaterThan((bytes / 1024) * 0.9);
    expect(view[0]).toBe(0);
    expect(view[bytes - 1]).toBe(0);
    memory.free();
    expect(() => memory.view(Uint8Array)).toThrow(
      expect.objectContaining({ code: 'ERR_MOIRAI_CLOSED' }),
    );
  });

  test('comes with the end of a scope', () => {
    let view: Uint8Array;
    {
      using memory = numa.allocate(4096);
      view = memory.view(Uint8Array);
      view[0] = 1;
    }
    expect(view[0]).toBe(0);
  });
});
