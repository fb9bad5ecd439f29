// A sender or a receiver that works until it is killed: at any instant of any of its ways to work.
// argv: direction, channel, ledger, lives, its number, how it works
import { writeSync } from 'node:fs';
import { openChannel, SharedRegion } from 'moirai';
import { check, ledgerIn, messagesOfLife } from './ledger.mjs';

const [direction, name, ledgerName, lives, life, way] = process.argv.slice(2);
const ledger = ledgerIn(SharedRegion.open(ledgerName), Number(lives));
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Sender and message of the last one of each sender. */
const last = new Map();

function take(message) {
  const { life: sender, seq, first, second } = message;
  const whole = sender < Number(lives) && first === check(sender, seq) && second === first;
  if (!whole || seq >= messagesOfLife) {
    ledger.torn();
    return;
  }
  if (seq <= (last.get(sender) ?? -1)) ledger.disorder();
  last.set(sender, seq);
  ledger.receive(sender, seq);
}

/** All in vain while nobody is on the other side: they come again. */
async function meanwhile(work) {
  try {
    return await work();
  } catch (error) {
    if (error.code !== 'ERR_MOIRAI_DISCONNECTED' && error.code !== 'ERR_MOIRAI_TIMEOUT')
      throw error;
    await new Promise((resolve) => setTimeout(resolve, 1));
    return undefined;
  }
}

const senders = {
  /** In place, with pauses in the midst. */
  async claim(sender, seq, message) {
    const slot = sender.tryClaim();
    if (slot === undefined) return false;
    slot.view.life = message.life;
    slot.view.seq = message.seq;
    slot.view.first = message.first;
    if (seq % 4 === 0) await turn();
    slot.view.second = message.second;
    slot.commit();
    return true;
  },
  async try(sender, seq, message) {
    return sender.trySend(message);
  },
  async wait(sender, seq, message) {
    await sender.send(message, { timeout: 100 });
    return true;
  },
  async block(sender, seq, message) {
    sender.sendSync(message, 20);
    return true;
  },
};

const receivers = {
  /** What is taken is noted before it is released. */
  async peek(receiver) {
    const slot = receiver.tryPeek();
    if (slot === undefined) {
      await turn();
      return;
    }
    const { life: sender, seq, first, second } = slot.view;
    take({ life: sender, seq, first, second });
    if (seq % 4 === 0) await turn();
    slot.release();
  },
  async wait(receiver) {
    take(await receiver.receive({ timeout: 100 }));
  },
  async block(receiver) {
    take(receiver.receiveSync(20));
  },
  async batch(receiver) {
    for (const message of await receiver.receiveBatch(16, { timeout: 100 })) take(message);
  },
};

// The place of the one that was killed is free a moment later.
let end;
while (end === undefined) {
  try {
    const channel = openChannel(name);
    end = direction === 'send' ? channel.sender : channel.receiver;
  } catch (error) {
    if (error.code !== 'ERR_MOIRAI_WOULD_BLOCK') throw error;
  }
}
writeSync(1, 'joined');
if (direction === 'send') {
  const number = Number(life);
  for (let seq = 0; seq < messagesOfLife; ) {
    const sum = check(number, seq);
    const message = { life: number, seq, first: sum, second: sum };
    ledger.begin(number, seq);
    if (await meanwhile(() => senders[way](end, seq, message))) ledger.done(number, seq++);
    else await turn();
  }
  setInterval(() => {}, 1000);
} else {
  for (;;) await meanwhile(() => receivers[way](end));
}
