// A placement of one's own: one CPU is left for the event loop, workers share the others.
import type { PlacementPolicy, Topology, WorkerPlace } from 'moirai';

export class LeaveOneFree implements PlacementPolicy {
  place(machine: Topology, workers: number): readonly WorkerPlace[] {
    const [, ...others] = machine.allowed;
    const cpus = others.length > 0 ? others : machine.allowed;
    return Array.from({ length: workers }, () => ({ cpus }));
  }
}
