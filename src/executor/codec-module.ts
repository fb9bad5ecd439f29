// Loads the user's codecs, in the owner and in each worker: the same module gives the same numbers.
import { MoiraiError } from '../base/index.js';
import { CodecTable } from '../codec/index.js';

export async function loadCodecs(url: string): Promise<CodecTable> {
  let module: Record<string, unknown>;
  try {
    module = (await import(url)) as Record<string, unknown>;
  } catch (error) {
    throw new MoiraiError(
      'ERR_MOIRAI_TASKS_NOT_LOADED',
      `the codec module ${url} could not be loaded: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
  const found = new Map<string, unknown>();
  for (const name of Object.keys(module)) {
    if (name === 'module.exports') continue; // Node's name for what `default` is already
    const value = module[name];
    if (name === 'default' && isCommonJs(value)) {
      for (const [key, one] of Object.entries(value)) found.set(key, one);
    } else {
      found.set(name, value);
    }
  }
  return new CodecTable([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The exports of a CommonJS module, rather than a codec. */
function isCommonJs(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !('type' in value);
}
