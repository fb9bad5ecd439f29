// Tasks of different lengths, and one that fails.

/** The sum of the divisors of every number up to `limit`. */
export function divisorSum(limit: number): number {
  let sum = 0;
  for (let divisor = 1; divisor <= limit; divisor++) sum += divisor * Math.floor(limit / divisor);
  return sum;
}

export function fail(): never {
  throw new RangeError('out of range');
}
