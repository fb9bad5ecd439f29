// Processes that send and receive through a channel are killed at random instants, stopped for longer than
// any of their time limits, and started again. Every message that was committed is received once, or its
// loss is reported; none that was not is ever seen; each receiver sees each sender's in order.
// usage: npm run campaign:kill -- [--kills N] [--seconds T] [--seed S]
//   N kills (100) or T seconds (no limit), whichever comes first; --seed S: the same choices again, though
//   not the same instants.
// The same by native loops, thousands of kills a minute: MOIRAI_KILLS=2000 MOIRAI_SEED=S and the program
// channel_process_kill_test of native/build.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createChannel, SharedRegion, struct, unlinkChannel } from 'moirai';
import { randomFrom } from '../random.mjs';
import { createLedger, ledgerIn, messagesOfLife } from './ledger.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
  },
});
const program = fileURLToPath(new URL('./life.mjs', import.meta.url));
const killsOfRound = 50;
/** Messages that a receiver may have received, by its way to receive, and not noted. */
const unnotedBy = { peek: 0, wait: 1, block: 1, batch: 16 };
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const codec = struct({ life: 'u32', seq: 'u32', first: 'u32', second: 'u32' });

const { below: random, pick: one } = randomFrom(seed);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const total = { kills: 0, stops: 0, messages: 0, missing: 0, lost: 0, deaths: 0 };
const broken = [];

function expect(holds, what) {
  if (holds) return;
  broken.push(what);
  console.log(`broken: ${what}`);
}

class Round {
  constructor(number) {
    this.name = `kill-${process.pid}-${number}`;
    this.kind = one(['spsc', 'mpmc']);
    this.lives = killsOfRound + 4;
    this.region = createLedger(`${this.name}-ledger`, this.lives);
    this.ledger = ledgerIn(this.region, this.lives);
    this.channel = createChannel({
      name: this.name,
      kind: this.kind,
      codec,
      capacity: one([4, 64, 1024]),
    });
    this.next = 0;
    this.unnoted = 0;
    this.children = [];
    const pairs = this.kind === 'spsc' ? 1 : 2;
    for (let i = 0; i < pairs; i++) {
      this.start('send');
      this.start('receive');
    }
  }

  start(direction) {
    const way =
      direction === 'send'
        ? one(['claim', 'try', 'wait', 'block'])
        : one(['peek', 'peek', 'peek', 'wait', 'block', 'batch']);
    const life = direction === 'send' ? this.next++ : 0;
    const args = [direction, this.name, `${this.name}-ledger`, this.lives, life, way].map(String);
    const process_ = spawn(process.execPath, [program, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(process_, 'exit');
    const joined = Promise.race([once(process_.stdout, 'data'), exit]);
    this.children.push({ process: process_, exit, joined, direction, way });
  }

  async kill(child) {
    this.children.splice(this.children.indexOf(child), 1);
    child.process.kill('SIGKILL');
    const [code, signal] = await child.exit;
    expect(signal === 'SIGKILL', `a ${child.direction} by ${child.way} ended by itself: ${code}`);
    // One that notes what it has received after it has received it takes that to its grave.
    if (child.direction === 'receive') this.unnoted += unnotedBy[child.way];
  }

  async run(kills, until) {
    let receivers = 0;
    for (let i = 0; i < kills && performance.now() < until; i++) {
      const child = one(this.children);
      if (random(10) === 0) {
        child.process.kill('SIGSTOP');
        await pause(150 + random(100));
        child.process.kill('SIGCONT');
        total.stops++;
      }
      // Most are killed at work, some while they start or join.
      if (random(8) > 0) await child.joined;
      await pause(random(60));
      await this.kill(child);
      total.kills++;
      if (child.direction === 'receive') receivers++;
      this.start(child.direction);
    }
    while (this.children.length > 0) {
      const [child] = this.children;
      if (child.direction === 'receive') receivers++;
      await this.kill(child);
    }
    await this.drain();
    this.verify(receivers);
    this.channel.close();
    unlinkChannel(this.name);
    this.region.close();
    SharedRegion.unlink(`${this.name}-ledger`);
  }

  async drain() {
    const { receiver } = this.channel;
    for (;;) {
      try {
        const { life, seq } = await receiver.receive({ timeout: 2000 });
        this.ledger.receive(life, seq);
      } catch (error) {
        expect(error.code === 'ERR_MOIRAI_DISCONNECTED', `the end of a drain: ${error.code}`);
        break;
      }
    }
    receiver.close();
  }

  verify(receivers) {
    const {
      senders: deadSenders,
      receivers: deadReceivers,
      messages: lost,
    } = this.channel.losses();
    const { torn, disorder } = this.ledger.read();
    let missing = 0;
    let twice = 0;
    let unsent = 0;
    for (let life = 0; life < this.next; life++) {
      for (let seq = 0; seq < messagesOfLife; seq++) {
        const count = this.ledger.received(life, seq);
        total.messages += count;
        if (count > 1) twice++;
        if (count === 0 && seq < this.ledger.sent(life)) missing++;
        if (count > 0 && seq >= this.ledger.begun(life)) unsent++;
      }
    }
    expect(torn === 0, `${torn} messages were torn`);
    expect(disorder === 0, `${disorder} messages out of order`);
    expect(twice === 0, `${twice} messages were received twice`);
    expect(unsent === 0, `${unsent} messages were never sent`);
    expect(missing <= lost + this.unnoted, `${missing} are missing, ${lost} reported lost`);
    expect(lost <= missing + receivers, `${lost} reported lost, ${missing} are missing`);
    expect(deadReceivers <= receivers, `${deadReceivers} of ${receivers} receivers died`);
    expect(deadSenders <= this.next, `${deadSenders} of ${this.next} senders died`);
    total.missing += missing;
    total.lost += lost;
    total.deaths += deadSenders + deadReceivers;
  }
}

console.log(`seed ${seed}`);
const until = performance.now() + Number(values.seconds) * 1000;
const kills = Number(values.kills);
for (
  let number = 0;
  total.kills < kills && performance.now() < until && broken.length === 0;
  number++
) {
  const round = new Round(number);
  await round.run(Math.min(killsOfRound, kills - total.kills), until);
}
console.log(
  `${total.kills} kills, ${total.stops} stops, ${total.deaths} ends recovered; ` +
    `${total.messages} messages received, ${total.missing} not, ${total.lost} reported lost`,
);
if (broken.length > 0) {
  console.log(`failed: npm run campaign:kill -- --kills ${values.kills} --seed ${seed}`);
  process.exitCode = 1;
}
