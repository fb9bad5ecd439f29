/** The errors that the language makes itself; the first stands for every other. */
export const errorTypes: readonly ErrorConstructor[] = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
];
