/** Milliseconds on the clock that all threads of the machine share. */
export function now() {
  return Number(process.hrtime.bigint()) / 1e6;
}
