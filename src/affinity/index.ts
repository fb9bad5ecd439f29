// Which CPUs the calling thread may run on, and where it runs now.
export { affinity, type Affinity, type PinnedAffinity } from './affinity.js';
export { currentCpu, currentNode } from './position.js';
