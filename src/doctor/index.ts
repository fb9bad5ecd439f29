// What a machine lacks for real time and performance, from its /proc and /sys; loads no native code.
export { examine } from './examine.js';
export type {
  Examination,
  ExamineOptions,
  Finding,
  FindingGroup,
  FindingState,
  Fix,
} from './types.js';
