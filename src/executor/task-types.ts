// What the compiler knows of a task module: which exports are tasks, what they take and give.

/** Any module namespace; its functions are the tasks. */
export type TaskModule = object;

type AnyFunction = (...args: never[]) => unknown;

/** The names of the functions that a task module exports. */
export type TaskName<M extends TaskModule> = {
  [K in keyof M]: M[K] extends AnyFunction ? K : never;
}[keyof M] &
  string;

/** A task's parameters. */
export type TaskArguments<M extends TaskModule, K extends TaskName<M>> = M[K] extends (
  ...args: infer A
) => unknown
  ? A
  : never;

/** What a task gives in the end: a promise's value for one that is async. */
export type TaskResult<M extends TaskModule, K extends TaskName<M>> = M[K] extends (
  ...args: never[]
) => infer R
  ? Awaited<R>
  : never;

/** The first parameter: what `map` gives each call. */
export type TaskItem<M extends TaskModule, K extends TaskName<M>> =
  TaskArguments<M, K> extends readonly [] ? undefined : TaskArguments<M, K>[0];

/** A task as a function of this thread: one that gives a promise keeps its own type. */
type Remote<F> = F extends (...args: infer A) => infer R
  ? [R] extends [never]
    ? (...args: A) => Promise<never>
    : [R] extends [PromiseLike<unknown>]
      ? F
      : (...args: A) => Promise<Awaited<R>>
  : never;

/** `executor.run`: the module's functions, each giving a promise. */
export type TaskRunner<M extends TaskModule> = {
  readonly [K in TaskName<M>]: Remote<M[K]>;
};
