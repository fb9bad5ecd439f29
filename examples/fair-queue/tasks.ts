/** Some work for a customer. */
export function work(customer: string, milliseconds: number): string {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
  return customer;
}
