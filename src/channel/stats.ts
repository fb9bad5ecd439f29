// What an end has done so far. Counted on its own thread, by plain numbers; asking costs nothing to others.

/** What both ends count. A clone counts for itself. */
export interface EndStats {
  /** With `batching`: the batches that this end has sent or taken. */
  readonly batches: number;
  /** How often a call had to wait, in the event loop or blocking the thread. */
  readonly waits: number;
  /** How often the event loop was called because of the channel: less than the waits where it did not sleep. */
  readonly wakeUps: number;
  /**
   * Messages that the channel holds now, batches with `batching`; of a `broadcast` channel those that the
   * slowest receiver has not had. About: what is being written or read may count.
   */
  readonly length: number;
  /** Messages a second since the last call of `stats()`, or since the end was made. */
  readonly rate: number;
}

/** What `Sender.stats()` gives. */
export interface SenderStats extends EndStats {
  /** Messages accepted, those still collected here included. */
  readonly sent: number;
  /** With `batching`: messages that wait in this sender to be sent. */
  readonly collected: number;
  /** With `batching`: how many messages make a batch now; else 1. */
  readonly batchSize: number;
}

/** What `Receiver.stats()` gives. */
export interface ReceiverStats extends EndStats {
  readonly received: number;
  /** With `batching`: messages of a batch of which some were received when this end was closed. */
  readonly dropped: number;
}

/** Messages a second, from one question to the next. */
export class RateMeter {
  #at = performance.now();
  #count = 0;

  /** @param count messages so far */
  next(count: number): number {
    const now = performance.now();
    const passed = now - this.#at;
    const rate = passed > 0 ? ((count - this.#count) / passed) * 1000 : 0;
    this.#at = now;
    this.#count = count;
    return rate;
  }
}
