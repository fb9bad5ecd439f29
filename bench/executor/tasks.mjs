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

/** Asynchronous: pending for so many milliseconds. */
export function wait(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
