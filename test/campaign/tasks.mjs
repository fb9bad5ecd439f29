// What the campaign runs. Each task counts its beginnings in its own cell before it does anything else.
import { contextStorage, currentTask, transfer, workerData } from 'moirai/worker';
import { now } from './clock.mjs';

const begun = new Int32Array(workerData.begun);
const beganAt = new Float64Array(workerData.beganAt);
const never = new Int32Array(new SharedArrayBuffer(4));
const tenant = contextStorage('tenant');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const begin = (cell) => Atomics.add(begun, cell, 1);
/** Of tasks with a time limit: nothing may end them before it is over. */
const beginTimed = (cell) => {
  beganAt[cell] = now();
  return begin(cell);
};

// --- values ---
export function add(cell, a, b) {
  begin(cell);
  return a + b;
}
/** For `map`, which gives one argument. */
export function mapped({ cell, n }) {
  begin(cell);
  return n + 1;
}
export async function later(cell, ms, value) {
  begin(cell);
  await sleep(ms);
  return value;
}
export function echo(cell, value) {
  begin(cell);
  return value;
}
export function fillShared(cell, buffer, at, value) {
  begin(cell);
  new Int32Array(buffer)[at] = value;
  return buffer;
}
export function move(cell, buffer) {
  begin(cell);
  new Uint8Array(buffer).fill(cell % 251);
  return transfer(buffer, [buffer]);
}
export async function moveLater(cell, ms, size) {
  begin(cell);
  await sleep(ms);
  const buffer = new ArrayBuffer(size);
  new Float64Array(buffer)[0] = cell;
  return transfer(buffer, [buffer]);
}
export async function tenantLater(cell, ms) {
  begin(cell);
  await sleep(ms);
  return tenant.getStore();
}

// --- failures ---
export function fails(cell) {
  begin(cell);
  throw Object.assign(new RangeError('planned'), { code: 'E_PLANNED', cell });
}
export async function rejects(cell) {
  begin(cell);
  await sleep(0);
  throw Object.assign(new TypeError('planned'), { code: 'E_PLANNED', cell });
}

// --- tasks that are told to end ---
export async function waitsForever(cell) {
  beginTimed(cell);
  await new Promise(() => {});
}
export async function listens(cell) {
  const { signal } = currentTask();
  beginTimed(cell);
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  throw signal.reason;
}
export function computes(cell, ms) {
  const task = currentTask();
  beginTimed(cell);
  const end = now() + ms;
  while (now() < end) task.checkpoint();
  return cell;
}
export function movesLate(cell, ms) {
  beginTimed(cell);
  const end = now() + ms;
  while (now() < end);
  const buffer = new ArrayBuffer(16);
  new Float64Array(buffer)[0] = cell;
  return transfer(buffer, [buffer]);
}
export function blocks(cell, ms) {
  begin(cell);
  Atomics.wait(never, 0, 0, ms);
  return cell;
}

// --- the ends of workers ---
export function spinsForever(cell) {
  beginTimed(cell);
  for (;;);
}
export async function spinsLater(cell, ms) {
  beginTimed(cell);
  await sleep(ms);
  for (;;);
}
export function exits(cell, code) {
  begin(cell);
  process.exit(code);
}
export function throwsOutside(cell) {
  begin(cell);
  setImmediate(() => {
    throw new Error('planned, outside any task');
  });
  return new Promise(() => {});
}
/** Idempotent: its first `times` runs end their worker. */
export function exitsAtFirst(cell, times, value) {
  if (begin(cell) < times) process.exit(9);
  return value;
}
