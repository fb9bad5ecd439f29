// The names of the priorities, most urgent first, in the order in which the native side counts them.

/** How urgent a task is. */
export type TaskPriority = 'critical' | 'high' | 'normal' | 'low' | 'idle';

export const priorityNames: readonly TaskPriority[] = ['critical', 'high', 'normal', 'low', 'idle'];
