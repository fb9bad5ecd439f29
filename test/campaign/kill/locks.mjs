// Processes at named locks are killed at random instants, in the midst of holding, waiting, coming and
// going, and stopped for longer than any slice of a wait. One at a time holds a mutex, or writes; a dead
// owner is told to the next one; as many have permits as there are; and nobody waits for ever: in the end,
// when nobody is killed any more, each has its lock again.
// usage: npm run campaign:kill-locks -- [--kills N] [--seconds T] [--seed S]
//   N kills (100) or T seconds (no limit), whichever comes first; --seed S: the same choices again, though
//   not the same instants.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Condition, Mutex, RwLock, Semaphore, SharedRegion } from 'moirai';
import { randomFrom } from '../random.mjs';
import { createLockLedger, lockLedgerIn } from './lock-ledger.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
  },
});
const program = fileURLToPath(new URL('./lock-life.mjs', import.meta.url));
const killsOfRound = 50;
const livesAtATime = 6;
/** Nobody waits for so long: what one that is alive would have had by then, it never has. */
const foreverMs = 60_000;
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const { below: random, pick: one } = randomFrom(seed);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const ways = [
  ...['block', 'block', 'limit', 'loop', 'loop-limit', 'try'].map((how) => `mutex:${how}`),
  ...['block', 'block', 'limit', 'try'].map((how) => `inheriting:${how}`),
  ...['write', 'write-loop', 'write-limit', 'read', 'read-loop', 'read-limit'].map(
    (how) => `rwLock:${how}`,
  ),
  ...['block', 'loop', 'limit'].map((how) => `semaphore:${how}`),
  ...['block', 'block', 'loop'].map((how) => `condition:${how}`),
];
/** So that some meet at each: in a round those of two objects. */
const objects = ['mutex', 'inheriting', 'rwLock', 'semaphore', 'condition'];

const total = { kills: 0, stops: 0, sections: 0, refused: 0 };
const broken = [];

function expect(holds, what) {
  if (holds) return;
  broken.push(what);
  console.log(`broken: ${what}`);
}

class Round {
  constructor(number) {
    this.name = `kill-${process.pid}-${number}`;
    this.lives = 2 * killsOfRound + livesAtATime;
    this.region = createLockLedger(`${this.name}-ledger`, this.lives);
    this.ledger = lockLedgerIn(this.region, this.lives);
    const first = one(objects);
    const chosen = [first, one(objects.filter((object) => object !== first))];
    this.ways = ways.filter((way) => chosen.some((object) => way.startsWith(`${object}:`)));
    this.next = 0;
    this.children = [];
    for (let i = 0; i < livesAtATime; i++) this.start();
    this.isFeeding = true;
    this.feeding = this.feed();
  }

  start(way = one(this.ways)) {
    const life = this.next++;
    const process_ = spawn(
      process.execPath,
      [program, this.name, this.lives, life, way].map(String),
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const exit = once(process_, 'exit');
    const joined = Promise.race([once(process_.stdout, 'data'), exit]);
    this.children.push({ process: process_, exit, joined, life, way });
  }

  /** Who waits for a mutex that is not robust, and who comes later, is refused when its owner is killed. */
  async refuse(way) {
    this.start(way);
    const child = this.children.at(-1);
    await child.joined;
    const mutex = new Mutex({ shared: `${this.name}-fragile${child.life}` });
    const outcome = mutex.lockAsync().then(
      () => 'locked',
      (error) => error.code,
    );
    await this.kill(child);
    expect((await outcome) === 'ERR_MOIRAI_OWNER_DIED', `a waiter was told: ${await outcome}`);
    try {
      mutex.lock();
      expect(false, 'one that came later has locked');
    } catch (error) {
      expect(error.code === 'ERR_MOIRAI_OWNER_DIED', `one that came later was told: ${error.code}`);
    }
    mutex.close();
    Mutex.unlink(`${this.name}-fragile${child.life}`);
    total.refused++;
  }

  /** Items for those who wait at the condition; a call that went to one who died is made good by the next. */
  async feed() {
    const mutex = new Mutex({ shared: `${this.name}-condition`, robust: true });
    const condition = new Condition({ shared: `${this.name}-called` });
    while (this.isFeeding) {
      const guard = await mutex.lockAsync();
      this.ledger.write('condition', process.pid, guard, () => {});
      if (this.ledger.items < 4) this.ledger.addItem(1);
      condition.notify(1);
      guard.unlock();
      await pause(1);
    }
    mutex.close();
    condition.close();
  }

  async kill(child) {
    this.children.splice(this.children.indexOf(child), 1);
    child.process.kill('SIGKILL');
    const [code, signal] = await child.exit;
    expect(signal === 'SIGKILL', `one at ${child.way} ended by itself: ${code ?? signal}`);
    total.sections += this.ledger.progress(child.life);
  }

  async run(kills, until) {
    for (let i = 0; i < kills && performance.now() < until; i++) {
      const child = one(this.children);
      const stopped = random(10) === 0 ? one(this.children) : undefined;
      stopped?.process.kill('SIGSTOP');
      if (stopped !== undefined) {
        total.stops++;
        await pause(150 + random(100));
      }
      // Some are killed while they start or join, or while another one is stopped.
      if (random(8) > 0 && child !== stopped) await child.joined;
      await pause(random(40));
      const goesOnFirst = random(2) === 0;
      if (goesOnFirst) stopped?.process.kill('SIGCONT');
      await this.kill(child);
      if (!goesOnFirst) stopped?.process.kill('SIGCONT');
      total.kills++;
      this.start();
      if (i % 10 === 9) await this.refuse('fragile:block');
    }
    await this.verifyProgress();
    await this.end();
  }

  /** Each that lives has its lock once more. */
  async verifyProgress() {
    await Promise.all(this.children.map(({ joined }) => joined));
    const since = this.children.map(({ life }) => this.ledger.progress(life));
    const waiting = () =>
      this.children.filter(({ life }, i) => this.ledger.progress(life) === since[i]);
    const until = performance.now() + foreverMs;
    while (waiting().length > 0 && performance.now() < until) await pause(5);
    for (const { way } of waiting()) expect(false, `one at ${way} waits for ever`);
  }

  async end() {
    this.ledger.finish();
    const ends = this.children.map(async (child) => {
      const timer = setTimeout(() => child.process.kill('SIGKILL'), foreverMs);
      const [code, signal] = await child.exit;
      clearTimeout(timer);
      expect(code === 0, `one at ${child.way} did not end well: ${signal ?? code}`);
      total.sections += this.ledger.progress(child.life);
    });
    await Promise.all(ends);
    this.isFeeding = false;
    await this.feeding;
    for (const [what, times] of this.ledger.faults()) expect(false, `${what}, ${times} times`);
    this.region.close();
    SharedRegion.unlink(`${this.name}-ledger`);
    for (const object of ['mutex', 'inheriting', 'condition'])
      Mutex.unlink(`${this.name}-${object}`);
    RwLock.unlink(`${this.name}-rwLock`);
    Semaphore.unlink(`${this.name}-semaphore`);
    Condition.unlink(`${this.name}-called`);
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
  `${total.kills} kills, ${total.stops} stops; ${total.sections} times a lock was had and let go, ` +
    `${total.refused} times refused after a death`,
);
if (broken.length > 0) {
  console.log(`failed: npm run campaign:kill-locks -- --kills ${values.kills} --seed ${seed}`);
  process.exitCode = 1;
}
