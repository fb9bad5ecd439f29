export { MoiraiError, type ErrorCode } from './base/index.js';
