// What this thread's event loop is next to be given, and could not use while the thread blocks.
//
// An event loop that waits for a mutex is its one heir after a while, and one that waits in a turnstile has its
// place in the queue: who unlocks makes it the owner. A thread that blocks would keep what it is given so until
// it goes on, and for ever where whoever it blocks for needs just that. So before a thread blocks its event
// loop steps aside, and asks again afterwards. (A function that computes for long keeps what its thread is given
// meanwhile; there is no circle in that.)

export interface Heir {
  /** Will not be given it; what it was given already, others may have. */
  readonly stepAside: () => void;
}

const heirs = new Set<Heir>();

export function becomeHeir(heir: Heir): void {
  heirs.add(heir);
}

export function beNoHeir(heir: Heir): void {
  heirs.delete(heir);
}

/** Before this thread blocks. `own`: what it blocks for, as the heir or not. */
export function stepAside(own?: Heir): void {
  if (heirs.size === 0) return;
  for (const heir of heirs) if (heir !== own) heir.stepAside();
}
