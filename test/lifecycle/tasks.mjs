// Tasks for processes that are about to end.
export function noop() {}
export function busy(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
export function forever() {
  for (;;);
}
export function blocked() {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
export function pending() {
  return new Promise(() => {
    setInterval(() => {}, 1000);
  });
}
export function exit(code) {
  process.exit(code);
}
export function throwLater() {
  setImmediate(() => {
    throw new Error('thrown outside any task');
  });
  return new Promise(() => {});
}
