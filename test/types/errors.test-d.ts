// Compiled, never run: each line that must not compile is marked, and tsc fails if it does.
import { type ErrorCode, MoiraiError } from 'moirai';

const error = new MoiraiError('ERR_MOIRAI_TIMEOUT', 'too late', { scope: 'wait' });

error satisfies Error;
error.code satisfies ErrorCode;
error.scope satisfies 'wait' | 'task' | undefined;
error.value satisfies unknown;

// @ts-expect-error A code that is not in the table.
new MoiraiError('ERR_MOIRAI_TYPO', 'message');
// @ts-expect-error The message is required.
new MoiraiError('ERR_MOIRAI_TIMEOUT');
// @ts-expect-error A scope that does not exist.
new MoiraiError('ERR_MOIRAI_TIMEOUT', 'message', { scope: 'forever' });
// @ts-expect-error An option that does not exist.
new MoiraiError('ERR_MOIRAI_SYSTEM', 'message', { errorNumber: 1 });
// @ts-expect-error Codes are not assigned.
error.code = 'ERR_MOIRAI_CLOSED';

export function advice(code: ErrorCode): string {
  switch (code) {
    case 'ERR_MOIRAI_QUEUE_FULL':
      return 'slow down';
    // @ts-expect-error Comparison with what no code can be.
    case 'QUEUE_FULL':
      return 'never';
    default:
      return 'read docs/errors.md';
  }
}
