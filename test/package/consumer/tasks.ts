import { currentTask, transfer } from 'moirai/worker';

export const add = (a: number, b: number): number => a + b;

export function picture(bytes: number): ArrayBuffer {
  currentTask().checkpoint();
  const pixels = new ArrayBuffer(bytes);
  return transfer(pixels, [pixels]);
}
