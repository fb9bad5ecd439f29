// The fields of a task's slot, by name; where they lie comes from layout.ts.
import type { Views } from '../codec/index.js';
import {
  blockOffset,
  cancelRequestedBit,
  generationOffset,
  idHighOffset,
  kindEmpty,
  kindOffset,
  slotBytes,
  stateOffset,
  workerOffset,
} from './layout.js';

export const slotWords = slotBytes / 4;
const stateWord = stateOffset / 4;
// A task may spoil the globals of its worker.
const { load } = Atomics;
const blockWord = blockOffset / 4;

export function kindOf(views: Views, slot: number): number {
  return views.bytes[slot * slotBytes + kindOffset] ?? kindEmpty;
}

export function setKind(views: Views, slot: number, kind: number): void {
  views.bytes[slot * slotBytes + kindOffset] = kind;
}

/** The low half of the task's id: with the slot's number it names one task. */
export function generationOf(views: Views, slot: number): number {
  return views.u32[slot * slotWords + generationOffset / 4] ?? 0;
}

export function idOf(views: Views, slot: number): number {
  const high = views.bytes[slot * slotBytes + idHighOffset] ?? 0;
  return high * 2 ** 32 + generationOf(views, slot);
}

export function setId(views: Views, slot: number, id: number): void {
  views.u32[slot * slotWords + generationOffset / 4] = id;
  views.bytes[slot * slotBytes + idHighOffset] = id / 2 ** 32;
}

export function phaseOf(views: Views, slot: number): number {
  return (views.u32[slot * slotWords + stateWord] ?? 0) & 0xff;
}

export function cancelRequested(views: Views, slot: number): boolean {
  const state = load(views.u32, slot * slotWords + stateWord);
  return (state & (1 << cancelRequestedBit)) !== 0;
}

/** The seat of the worker that has begun the slot's task. */
export function workerOf(views: Views, slot: number): number {
  return (views.u32[slot * slotWords + workerOffset / 4] ?? 0) & 0xffff;
}

export function hasBlock(views: Views, slot: number): boolean {
  return views.u32[slot * slotWords + blockWord] !== 0;
}
