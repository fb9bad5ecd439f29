import { Encoder } from './encoder.js';
import { ARGUMENTS_GRAPH, GRAPH, HANDLES, MANY_ARGUMENTS, TREE } from './format.js';
import { explainFailure } from './refusal.js';
import type { Writer } from './window.js';
import { writeValue } from './write-value.js';

// A getter may start another task, that is, another encoding, in the midst of one.
let idle: Encoder | undefined;

function begin(writer: Writer): Encoder {
  writer.departing = undefined;
  const encoder = idle;
  if (encoder === undefined) return new Encoder(writer);
  idle = undefined;
  encoder.begin(writer);
  return encoder;
}

/** The message is refused: what would have gone with it stays. */
function stay(writer: Writer): void {
  writer.departing?.cancel();
  writer.departing = undefined;
}

/**
 * Writes `value` at the writer's position, by the rules of structuredClone; `decode` gives it back.
 *
 * @param name what messages call the value, as in `${name}.user.callback is a function`
 * @throws NeedsPort where structuredClone could carry the value but only a MessagePort can here;
 * MoiraiError NOT_SERIALIZABLE where structuredClone refuses it, TOO_LARGE from the writer; whatever a
 * getter of the value throws. The bytes written until then mean nothing.
 */
export function encode(writer: Writer, value: unknown, name = 'value'): void {
  const encoder = begin(writer);
  try {
    if (typeof value === 'object' && value !== null) {
      const flagged = encoder.position - writer.start;
      encoder.tag(TREE);
      writeValue(encoder, value);
      if (encoder.handles) encoder.bytes[writer.start + flagged] = HANDLES;
      else if (encoder.graph) encoder.bytes[writer.start + flagged] = GRAPH;
    } else {
      writeValue(encoder, value);
    }
  } catch (error) {
    stay(writer);
    throw explainFailure(error, value, name);
  } finally {
    encoder.finish();
    idle = encoder;
  }
}

/** The same for an argument list, without the array's own cost; identity is kept across arguments. */
export function encodeArguments(writer: Writer, args: readonly unknown[], name = 'args'): void {
  const encoder = begin(writer);
  try {
    const count = args.length;
    const flagged = encoder.position - writer.start;
    if (count < MANY_ARGUMENTS) encoder.tag(count);
    else encoder.tagAndCount(MANY_ARGUMENTS, count);
    for (let i = 0; i < count; i++) writeValue(encoder, args[i]);
    if (encoder.graph) {
      const at = writer.start + flagged;
      encoder.bytes[at] = (encoder.bytes[at] ?? 0) | ARGUMENTS_GRAPH;
    }
  } catch (error) {
    stay(writer);
    throw explainFailure(error, args, name);
  } finally {
    encoder.finish();
    idle = encoder;
  }
}
