// The first file of a worker thread: takes its seat, loads the task module, says that it is ready.
import { workerData } from 'node:worker_threads';
import { MoiraiError, showUserData } from '../base/index.js';
import { encodeError, type CodecTable } from '../codec/index.js';
import { native, type NativeSeat } from '../native.js';
import { loadCodecs } from './codec-module.js';
import { SharedMemory } from './memory.js';
import { TaskRunner } from './task-runner.js';
import { taskFunctions } from './task-module.js';
import type { Birth, FromOwner, FromWorker } from './wire.js';
import { setWorkerContext } from './worker-context.js';

const birth = workerData as Birth;
const { port } = birth;
const differs = 'the task module exports other functions than in the workers before';
const codecsDiffer = 'the codec module exports other codecs in a worker than in its owner';
const say = (message: FromWorker) => port.postMessage(message);

native.joinLoop(birth.executor, birth.seat);
showUserData(birth.workerData);
setWorkerContext({ workerData: birth.workerData, workerIndex: birth.seat });
Promise.all([
  taskFunctions(birth.tasks),
  birth.codecs === undefined ? undefined : loadCodecs(birth.codecs),
]).then(
  // oxlint-disable-next-line promise/always-return -- the last link of its chain
  ([tasks, codecs]) => {
    if ((codecs?.exports ?? []).join() !== birth.codecNames.join()) {
      refuse(new MoiraiError('ERR_MOIRAI_TASKS_NOT_LOADED', codecsDiffer));
      return;
    }
    // The owner knows tasks by their indices: a function in another's place must not run.
    if (birth.names.length === 0 || birth.names.join() === [...tasks.keys()].join()) {
      sitDown(tasks, codecs);
    } else refuse(new MoiraiError('ERR_MOIRAI_TASKS_NOT_LOADED', differs));
  },
  (error: unknown) => refuse(error),
);

function refuse(error: unknown): void {
  say({ type: 'unusable', error: encodeError(error) });
  port.close();
}

function sitDown(
  tasks: ReadonlyMap<string, (...args: unknown[]) => unknown>,
  codecs: CodecTable | undefined,
): void {
  const memory = new SharedMemory(birth.memory);
  const scratch = new Float64Array(32);
  let seat: NativeSeat;
  try {
    seat = native.attachWorker(
      birth.executor,
      birth.seat,
      memory.views.bytes,
      () => runner.run(),
      scratch,
      birth.spinNs,
    );
  } catch (error) {
    // Closed while this worker was being born: nobody waits for it.
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MOIRAI_CLOSED') {
      process.exit(0);
    }
    throw error;
  }
  // Tasks come from the event loop, so not before this.
  const runner = new TaskRunner({
    birth,
    native: seat,
    memory,
    scratch,
    tasks,
    codecs,
  });
  port.on('message', (message: FromOwner) => runner.receive(message));
  say({ type: 'ready', names: [...tasks.keys()] });
}
