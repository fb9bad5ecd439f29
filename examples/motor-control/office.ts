// What the main thread does besides, in both runs: a server that reads and writes some JSON now and then.
const everyMs = 25;
const orders = Array.from({ length: 1000 }, (_, id) => ({
  id,
  customer: `customer-${id % 97}`,
  lines: [id, id * 2, id * 3],
  paid: id % 3 === 0,
}));

/** Until it is disposed of. */
export function office(): Disposable {
  let text = JSON.stringify(orders);
  const timer = setInterval(() => {
    text = JSON.stringify(JSON.parse(text));
  }, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
