// What goes into a task, and what must come out of it. `task` is the function's name in tasks.mjs.

const right = () => true;
const isNothing = (_, result) => result === undefined;
const mib = 2 ** 20;

function touchedRightly(value, result) {
  const view = new Uint8Array(value);
  return result === view[0] + view[view.length - 1];
}

const constant = (create) => {
  let value;
  return () => (value ??= create());
};

export const workloads = {
  empty: { task: 'empty', input: () => undefined, isRight: isNothing },
  number: {
    task: 'number',
    input: (i) => i,
    isRight: (value, result) => result === value + 1,
  },
  object: {
    task: 'object',
    input: (i) => ({ id: i, name: 'short text', price: 1.5, active: true, tag: 'abc' }),
    isRight: (value, result) =>
      result.id === value.id &&
      result.name === value.name &&
      result.price === value.price * 2 &&
      result.active === !value.active &&
      result.tag === value.tag,
  },
  bytes: {
    task: 'bytes',
    input: constant(() => new Uint8Array(65_536).fill(7)),
    isRight: (value, result) => {
      const [first, ...rest] = result;
      return first === 8 && rest.length === value.length - 1 && rest.every((byte) => byte === 7);
    },
  },
  shared: {
    task: 'touch',
    input: constant(() => new SharedArrayBuffer(mib)),
    isRight: touchedRightly,
  },
  sharedSmall: {
    task: 'touch',
    input: constant(() => new SharedArrayBuffer(1024)),
    isRight: touchedRightly,
  },
  clone: {
    task: 'touch',
    input: constant(() => new Uint8Array(mib).fill(3)),
    isRight: (_, result) => result === 4 + 3,
  },
  sleep: { task: 'wait', input: () => 1, isRight: isNothing },
  uneven: { task: 'burn', input: (us) => us, isRight: right },
  queued: { task: 'meet', input: () => undefined, isRight: right },
};
