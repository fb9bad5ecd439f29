// Every module whose objects can go to tasks, loaded by a worker when it meets the first of them: most
// workers never do, and it would cost each of them time to start. Each registers its kinds.
export { Receiver, Sender } from '../channel/index.js';
export { NumaBuffer, NumaPool } from '../memory/index.js';
export {
  Barrier,
  Condition,
  Mutex,
  Once,
  RwLock,
  Semaphore,
  SharedMap,
  SharedStack,
  WaitGroup,
} from '../sync/index.js';
