import { expect, test } from 'vitest';
import { Executor, numa, NumaBuffer, NumaPool } from 'moirai';

type Tasks = {
  fill: (memory: NumaBuffer, value: number) => [string, number, number];
  fillBuffer: (buffer: SharedArrayBuffer, value: number) => void;
  echo: (memory: NumaBuffer) => NumaBuffer;
  produce: (pool: NumaPool<Float64Array>, value: number) => [block: bigint, again: boolean];
};
const tasks = new URL('fixtures/tasks.mjs', import.meta.url);

test("a buffer is given to a task as it is, and the worker's handle is for the same memory", async () => {
  await using executor = await Executor.start<Tasks>({ tasks, threads: 1 });
  const memory = numa.allocate(10_000, { prefault: true });
  expect(await executor.run.fill(memory, 7)).toEqual(['NumaBuffer', 10_000, 1]);
  expect(memory.view(Uint8Array).every((byte) => byte === 7)).toBe(true);
  const back = await executor.run.echo(memory);
  expect(back).toBeInstanceOf(NumaBuffer);
  back.view(Uint8Array)[0] = 9;
  expect(memory.view(Uint8Array)[0]).toBe(9);
});

test('its buffer alone goes to a task as well', async () => {
  await using executor = await Executor.start<Tasks>({ tasks, threads: 1 });
  const memory = numa.allocate(10_000);
  await executor.run.fillBuffer(memory.buffer, 5);
  expect(memory.view(Uint8Array).every((byte) => byte === 5)).toBe(true);
});

test('a pool is given to a task as it is, and a block comes back from there', async () => {
  await using executor = await Executor.start<Tasks>({ tasks, threads: 1 });
  const pool = new NumaPool({ blockSize: 64, blocksPerNode: 4, view: Float64Array });
  for (const value of [1, 2]) {
    const [id, again] = await executor.run.produce(pool, value);
    expect(again).toBe(value === 2);
    const block = pool.adopt(id);
    expect([...block.view]).toEqual(Array.from({ length: 8 }, () => value));
    pool.release(block);
  }
  expect(pool.stats().inUse).toBe(0);
  pool.close();
});
