import type { Tick } from 'moirai';

export const control = (tick: Tick): boolean => tick.lateUs < 500;
