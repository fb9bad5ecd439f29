// The tasks that every pool runs. One argument each, since piscina and tinypool give only one.

export function empty() {}

export function number(value) {
  return value + 1;
}

export function object(item) {
  return {
    id: item.id,
    name: item.name,
    price: item.price * 2,
    active: !item.active,
    tag: item.tag,
  };
}

/** Bytes there and the same number back. */
export function bytes(data) {
  data[0]++;
  return data;
}

/** Touches a few bytes of a large value; `data` is a SharedArrayBuffer or an own copy. */
export function touch(data) {
  const view = data instanceof Uint8Array ? data : new Uint8Array(data);
  view[0]++;
  return view[0] + view[view.length - 1];
}

/** Pending for so many milliseconds. poolifier knows an async function by the word. */
export async function wait(ms) {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Keeps its thread busy for so many microseconds of the clock. */
export function burn(us) {
  const end = performance.now() + us / 1000;
  while (performance.now() < end);
}

/**
 * Blocks its thread until as many are here as the meeting wants: [over, here, wanted]. Without a
 * meeting it is an empty task (poolifier makes an object of `undefined`).
 */
export function meet(meeting) {
  if (!(meeting instanceof SharedArrayBuffer)) return;
  const state = new Int32Array(meeting);
  if (Atomics.add(state, 1, 1) + 1 === state[2]) {
    Atomics.store(state, 0, 1);
    Atomics.notify(state, 0);
  } else {
    Atomics.wait(state, 0, 0);
  }
}
