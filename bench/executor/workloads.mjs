// What goes into a task, and what must come out of it.

export const workloads = {
  empty: {
    title: 'Empty task',
    input: () => undefined,
    isRight: (_, result) => result === undefined,
  },
  number: {
    title: 'A number in, a number out',
    input: (i) => i,
    isRight: (value, result) => result === value + 1,
  },
  object: {
    title: 'An object of five fields in, one out',
    input: (i) => ({ id: i, name: 'short text', price: 1.5, active: true, tag: 'abc' }),
    isRight: (value, result) =>
      result.id === value.id &&
      result.name === value.name &&
      result.price === value.price * 2 &&
      result.active === !value.active &&
      result.tag === value.tag,
  },
};
