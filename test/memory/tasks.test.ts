import { expect, test } from 'vitest';
import { Executor, numa, NumaBuffer } from 'moirai';

type Tasks = {
  fill: (memory: NumaBuffer, value: number) => [string, number, number];
  fillBuffer: (buffer: SharedArrayBuffer, value: number) => void;
  echo: (memory: NumaBuffer) => NumaBuffer;
};
const tasks = new URL('fixtures/tasks.mjs', import.meta.url);
const codecs = new URL('fixtures/codecs.mjs', import.meta.url);

test("a buffer is given to a task as it is, and the worker's handle is for the same memory", async () => {
  await using executor = await Executor.start<Tasks>({ tasks, codecs, threads: 1 });
  const memory = numa.allocate(10_000, { prefault: true });
  expect(await executor.run.fill(memory, 7)).toEqual(['NumaBuffer', 10_000, 1]);
  expect(memory.view(Uint8Array).every((byte) => byte === 7)).toBe(true);
  const back = await executor.run.echo(memory);
  expect(back).toBeInstanceOf(NumaBuffer);
  back.view(Uint8Array)[0] = 9;
  expect(memory.view(Uint8Array)[0]).toBe(9);
});

test('its buffer goes to a task without a codec', async () => {
  await using executor = await Executor.start<Tasks>({ tasks, threads: 1 });
  const memory = numa.allocate(10_000);
  await executor.run.fillBuffer(memory.buffer, 5);
  expect(memory.view(Uint8Array).every((byte) => byte === 5)).toBe(true);
});
