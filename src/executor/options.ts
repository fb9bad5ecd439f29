import type { AsyncLocalStorage } from 'node:async_hooks';
import type { ResourceLimits } from 'node:worker_threads';
import {
  checkBoolean,
  checkInteger,
  checkMilliseconds,
  checkModule,
  checkOneOf,
  checkOptions,
  invalidRange,
  invalidType,
} from '../base/index.js';
import { checkContext, type CallerContext } from './caller-context.js';
import type { PlacementPolicy } from './placement-policy.js';
import { priorityNames, type Priority } from './task-order.js';
import type { QueuePolicy } from './waiting-room.js';
import {
  checkStatistics,
  statisticsKeys,
  type CheckedStatistics,
  type StatisticsOptions,
} from './statistics-options.js';

/** How `Executor.start` sets an executor up. Every property is optional. */
export interface ExecutorOptions extends StatisticsOptions {
  /**
   * The module whose exported functions are the tasks: a URL, or a path (relative ones from the
   * current directory). A default export is the task `'default'`. Without it only `call` can be used.
   */
  readonly tasks?: URL | string | undefined;
  /**
   * A module whose exports are codecs: instances of their classes cross threads as instances, in
   * arguments and results. The calling thread and every worker import it. See `Codec`.
   */
  readonly codecs?: URL | string | undefined;
  /**
   * How many worker threads: a number, `'cores'` or `'cpus'`, both within what this process may use
   * (`topology().effectiveParallelism`). Default `'cores'`.
   */
  readonly threads?: number | 'cores' | 'cpus' | undefined;
  /**
   * An elastic pool: it begins with this many workers, grows to `maxThreads` while tasks wait and all
   * are busy, and shrinks again. Not together with `threads`. Default: as `maxThreads`.
   */
  readonly minThreads?: number | undefined;
  /** How many workers an elastic pool may have. Default: as `minThreads`, but at least `'cores'`. */
  readonly maxThreads?: number | undefined;
  /**
   * Milliseconds after which a worker that has nothing to do ends, down to `minThreads`, and of those
   * for blocking tasks down to none. Default 10,000.
   */
  readonly idleTimeout?: number | undefined;
  /**
   * How many workers there may be for tasks that are spawned as `blocking`, besides the others.
   * They are started as such tasks come. Default 16.
   */
  readonly blockingThreads?: number | undefined;
  /**
   * What an idle worker takes of another's claimed tasks at a time; `'adaptive'` (default) follows
   * what stealing has brought. `'none'`: each takes from the queue only.
   */
  readonly steal?: 'one' | 'half' | 'quarter' | 'adaptive' | 'none' | undefined;
  /**
   * What each worker is bound to. Default `'core'` where there is no CPU quota, the affinity mask has
   * every online CPU, and there are no more threads than cores; else `'none'`. A worker whose CPUs all
   * go offline or out of the cpuset runs on any that are left, and so does one that replaces it.
   */
  readonly pin?: 'core' | 'cpu' | 'node' | 'none' | undefined;
  /** NUMA nodes whose CPUs the workers use. Default: all that this process may use. */
  readonly nodes?: readonly number[] | undefined;
  /**
   * How long a thread looks for work before it sleeps, in microseconds, at most. Adapts between 0 and
   * this. 0: never. Default 50.
   */
  readonly spinUs?: number | undefined;
  /** Tasks that may be outstanding, queued or running, at a time: 1 to 1,048,576. Default 65,536. */
  readonly maxQueue?: number | undefined;
  /**
   * When `maxQueue` tasks are outstanding: `'reject'` throws QUEUE_FULL (default), with `'wait'` a task
   * is queued all the same and admitted in its turn.
   */
  readonly onFull?: 'reject' | 'wait' | undefined;
  /** An order of tasks of your own, in place of priorities and deadlines. */
  readonly queue?: QueuePolicy | undefined;
  /** Where workers sit, decided by you, in place of `pin` and `nodes`. */
  readonly placement?: PlacementPolicy | undefined;
  /**
   * Storages whose values at the time of the call tasks find in their workers, by name, with
   * `contextStorage(name)` of `moirai/worker`. Values are copied like arguments.
   */
  readonly context?: Readonly<Record<string, AsyncLocalStorage<unknown>>> | undefined;
  /** Asynchronous tasks that one worker may have running at a time. Default: bounded by maxQueue. */
  readonly concurrency?: number | undefined;
  /** Names the workers' threads. */
  readonly name?: string | undefined;
  /** As for `new Worker`. */
  readonly resourceLimits?: ResourceLimits | undefined;
  /** As for `new Worker`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** As for `new Worker`. */
  readonly argv?: readonly unknown[] | undefined;
  /** As for `new Worker`. Default: this process's own, so that loaders are the same. */
  readonly execArgv?: readonly string[] | undefined;
  /** A value that every worker finds as `workerData`, of `moirai/worker` and `node:worker_threads`. */
  readonly workerData?: unknown;
}

/** How one task is to be run. */
export interface SpawnOptions {
  /** Which tasks run first. Default `'normal'`. */
  readonly priority?: Priority | undefined;
  /**
   * Milliseconds from now by which the task should be done: among tasks of one priority the earliest
   * deadline goes first. A missed one is counted; it ends nothing.
   */
  readonly deadline?: number | undefined;
  /**
   * Milliseconds that the task may run, from when a worker begins it. Then it is cancelled, and fails
   * with ERR_MOIRAI_TIMEOUT, `scope: 'task'`; a task that keeps its thread busy beyond its grace loses
   * its worker.
   */
  readonly timeout?: number | undefined;
  /** Milliseconds that it has to end once it was cancelled by timeout or signal. Default 100. */
  readonly grace?: number | undefined;
  /** It may run again when its worker is lost, at most twice, with the arguments as they were. */
  readonly idempotent?: boolean | undefined;
  /** It blocks its thread: it gets a worker of its own, beside those for other tasks. */
  readonly blocking?: boolean | undefined;
  /** The NUMA node whose workers should run the task; others do when those are busy. */
  readonly node?: number | undefined;
  /** Objects among the arguments that move to the worker instead of being copied. */
  readonly transfer?: readonly Transferable[] | undefined;
  /** Cancels the task when aborted; its promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Take the CPU time and the preemptions of this task (`TaskHandle.metrics`). Costs two system calls
   * at its beginning and two at its end. Default false.
   */
  readonly measure?: boolean | undefined;
}

/** An object that `postMessage` can move from one thread to another. */
export type Transferable = import('node:worker_threads').TransferListItem;

export interface MapOptions {
  /** Calls outstanding at a time. Default: four for each worker. */
  readonly concurrency?: number | undefined;
  /** Results in the order of the source (default), or as they come. */
  readonly ordered?: boolean | undefined;
  /** Ends the iteration when aborted; it then throws `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

export interface CloseOptions {
  /** Do not wait for outstanding tasks: they reject with ERR_MOIRAI_CLOSED. Default false. */
  readonly force?: boolean | undefined;
  /** Wait so many milliseconds, then force. Default: without limit. */
  readonly timeout?: number | undefined;
}

const executorKeys = [
  'tasks',
  'codecs',
  'threads',
  'minThreads',
  'maxThreads',
  'idleTimeout',
  'blockingThreads',
  'steal',
  'onFull',
  'queue',
  'placement',
  'context',
  'pin',
  'nodes',
  'spinUs',
  'maxQueue',
  'concurrency',
  'name',
  'resourceLimits',
  'env',
  'argv',
  'execArgv',
  'workerData',
  ...statisticsKeys,
] as const satisfies readonly (keyof ExecutorOptions)[];

export type StealStrategy = 'none' | 'one' | 'half' | 'quarter' | 'adaptive';

/** The largest number of worker threads of one executor. */
export const maxThreads = 1024;
/** The largest `maxQueue`. */
const maxSlots = 2 ** 20;

/** Options that were checked, with their defaults where those need no knowledge of the machine. */
export interface CheckedOptions extends CheckedStatistics {
  readonly tasks: string | undefined;
  readonly codecs: string | undefined;
  readonly threads: number | 'cores' | 'cpus';
  readonly minThreads: number | undefined;
  readonly maxThreads: number | undefined;
  readonly idleTimeout: number;
  readonly blockingThreads: number;
  readonly steal: StealStrategy;
  readonly onFull: 'reject' | 'wait';
  readonly queue: QueuePolicy | undefined;
  readonly placement: PlacementPolicy | undefined;
  readonly context: CallerContext;
  readonly pin: 'core' | 'cpu' | 'node' | 'none' | undefined;
  readonly nodes: readonly number[] | undefined;
  readonly spinNs: number;
  readonly maxQueue: number;
  readonly concurrency: number;
  readonly worker: Pick<
    ExecutorOptions,
    'name' | 'resourceLimits' | 'env' | 'argv' | 'execArgv' | 'workerData'
  >;
}

export function checkExecutorOptions(given: ExecutorOptions | undefined): CheckedOptions {
  const options: ExecutorOptions = checkOptions('options', given, executorKeys);
  const { threads = 'cores', maxQueue = 65536 } = options;
  checkWorkerOptions(options);
  return {
    tasks: moduleUrl('options.tasks', options.tasks),
    codecs: moduleUrl('options.codecs', options.codecs),
    threads:
      typeof threads === 'number'
        ? checkInteger('options.threads', threads, 1, maxThreads)
        : checkOneOf('options.threads', threads, ['cores', 'cpus']),
    ...checkPoolSize(options),
    steal: checkOneOf('options.steal', options.steal ?? 'adaptive', [
      'none',
      'one',
      'half',
      'quarter',
      'adaptive',
    ]),
    onFull: checkOneOf('options.onFull', options.onFull ?? 'reject', ['reject', 'wait']),
    queue: checkMethods('options.queue', options.queue, ['push', 'shift']),
    placement: checkMethods('options.placement', options.placement, ['place']),
    context: options.context === undefined ? {} : checkContext(options.context),
    pin:
      options.pin === undefined
        ? undefined
        : checkOneOf('options.pin', options.pin, ['core', 'cpu', 'node', 'none']),
    nodes: options.nodes === undefined ? undefined : checkNodes(options.nodes),
    spinNs: checkInteger('options.spinUs', options.spinUs ?? 50, 0, 10_000) * 1000,
    maxQueue: checkInteger('options.maxQueue', maxQueue, 1, maxSlots),
    concurrency: checkInteger('options.concurrency', options.concurrency ?? maxQueue, 1, maxSlots),
    worker: options,
    ...checkStatistics(options),
  };
}

function checkPoolSize(options: ExecutorOptions) {
  const count = (name: 'minThreads' | 'maxThreads', least: number): number | undefined => {
    const value = options[name];
    if (value === undefined) return undefined;
    if (options.threads !== undefined) {
      throw invalidRange(`options.${name}`, 'given without options.threads', value);
    }
    return checkInteger(`options.${name}`, value, least, maxThreads);
  };
  const min = count('minThreads', 1);
  return {
    minThreads: min,
    maxThreads: count('maxThreads', min ?? 1),
    idleTimeout: checkMilliseconds('options.idleTimeout', options.idleTimeout ?? 10_000),
    blockingThreads: checkInteger(
      'options.blockingThreads',
      options.blockingThreads ?? 16,
      0,
      maxThreads / 2,
    ),
  };
}

/** An object of the user's own that has these methods. */
function checkMethods<T extends object>(
  argument: string,
  value: T | undefined,
  methods: readonly (keyof T & string)[],
): T | undefined {
  if (value === undefined) return undefined;
  const wanted = `an object with ${methods.map((name) => `${name}()`).join(' and ')}`;
  if (typeof value !== 'object' || value === null) throw invalidType(argument, wanted, value);
  for (const name of methods) {
    if (typeof value[name] !== 'function') throw invalidType(argument, wanted, value);
  }
  return value;
}

/** What `new Worker` would refuse by names that are not ours, or take for something else. */
function checkWorkerOptions(options: ExecutorOptions): void {
  const { name, resourceLimits, env, argv, execArgv }: Record<string, unknown> = { ...options };
  if (name !== undefined && typeof name !== 'string') {
    throw invalidType('options.name', 'a string', name);
  }
  for (const [key, value] of Object.entries({ resourceLimits, env })) {
    if (value === undefined || (typeof value === 'object' && value !== null)) continue;
    throw invalidType(`options.${key}`, 'an object', value);
  }
  if (argv !== undefined && !Array.isArray(argv)) {
    throw invalidType('options.argv', 'an array', argv);
  }
  const isString = (value: unknown): boolean => typeof value === 'string';
  if (execArgv !== undefined && !(Array.isArray(execArgv) && execArgv.every(isString))) {
    throw invalidType('options.execArgv', 'an array of strings', execArgv);
  }
}

function moduleUrl(argument: string, given: unknown): string | undefined {
  return given === undefined ? undefined : checkModule(argument, given);
}

function checkNodes(nodes: unknown): readonly number[] {
  if (!Array.isArray(nodes) || nodes.length === 0) {
    throw invalidType('options.nodes', 'a non-empty array of node numbers', nodes);
  }
  return nodes.map((node: unknown, index) =>
    checkInteger(`options.nodes[${index}]`, node, 0, 1023),
  );
}

const spawnKeys = [
  'priority',
  'deadline',
  'timeout',
  'grace',
  'idempotent',
  'blocking',
  'node',
  'transfer',
  'signal',
  'measure',
] as const satisfies readonly (keyof SpawnOptions)[];

export function checkSpawnOptions(given: SpawnOptions | undefined): SpawnOptions {
  const options: SpawnOptions = checkOptions('options', given, spawnKeys);
  if (options.priority !== undefined) {
    checkOneOf('options.priority', options.priority, priorityNames);
  }
  for (const name of ['deadline', 'timeout', 'grace'] as const) {
    if (options[name] !== undefined) checkMilliseconds(`options.${name}`, options[name]);
  }
  for (const name of ['idempotent', 'blocking'] as const) {
    if (options[name] !== undefined) checkBoolean(`options.${name}`, options[name]);
  }
  if (options.node !== undefined) checkInteger('options.node', options.node, 0, 1023);
  if (options.transfer !== undefined && !Array.isArray(options.transfer)) {
    throw invalidType('options.transfer', 'an array of transferable objects', options.transfer);
  }
  if (options.idempotent === true && (options.transfer?.length ?? 0) > 0) {
    throw invalidRange(
      'options.idempotent',
      'false where options.transfer moves objects, which are gone when the task runs again',
      true,
    );
  }
  checkSignal(options.signal);
  if (options.measure !== undefined) checkBoolean('options.measure', options.measure);
  return options;
}

export function checkMapOptions(given: MapOptions | undefined, threads: number) {
  const options: MapOptions = checkOptions('options', given, ['concurrency', 'ordered', 'signal']);
  const { ordered = true, concurrency = 4 * threads, signal } = options;
  if (typeof ordered !== 'boolean') throw invalidType('options.ordered', 'a boolean', ordered);
  checkSignal(signal);
  return {
    concurrency: checkInteger('options.concurrency', concurrency, 1, maxSlots),
    ordered,
    signal,
  };
}

function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidType('options.signal', 'an AbortSignal', signal);
  }
}
