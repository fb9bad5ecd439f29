// A task's number: which use (generation) of which slot it is. Unique within its executor.
import { maxSlots } from './options.js';

export function taskId(slot: number, generation: number): number {
  return generation * maxSlots + slot;
}

export function slotOf(id: number): number {
  return id % maxSlots;
}

export function generationOf(id: number): number {
  return Math.floor(id / maxSlots);
}
