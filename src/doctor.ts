/**
 * What a machine lacks for real time and performance. Reads files only and loads no native code, so that
 * it works where the addon does not.
 *
 * @module moirai/doctor
 */
export {
  examine,
  type Examination,
  type ExamineOptions,
  type Finding,
  type FindingGroup,
  type FindingState,
  type Fix,
} from './doctor/index.js';
