export { MoiraiError, type ErrorCode } from './base/index.js';
export * from './executor/index.js';
