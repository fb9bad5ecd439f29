// A process that takes locks in one of their ways, until it is killed.
// argv: name of the round, lives, its number, way
import { writeSync } from 'node:fs';
import { Condition, Mutex, RwLock, Semaphore, SharedRegion } from 'moirai';
import { lockLedgerIn, permits } from './lock-ledger.mjs';

const [name, lives, number, way] = process.argv.slice(2);
const life = Number(number);
const ledger = lockLedgerIn(SharedRegion.open(`${name}-ledger`), Number(lives));
const { pid } = process;
const turn = () => new Promise((resolve) => setImmediate(resolve));

let state = (life + 1) * 0x9e3779b1;
/** 0 to n - 1, other ones in each life. */
function below(n) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
}

/** Between two words of a section: now and then for longer than a slice of time. */
function dwell() {
  const spins = below(64) === 0 ? 200_000 : below(400);
  for (let i = 0; i < spins; i++);
}

/** What this life takes, opened anew now and then: coming and going are instants to be killed at, too. */
const open = {
  mutex: () => new Mutex({ shared: `${name}-mutex`, robust: true }),
  inheriting: () =>
    new Mutex({ shared: `${name}-inheriting`, robust: true, priorityInheritance: true }),
  rwLock: () => new RwLock({ shared: `${name}-rwLock`, robust: true }),
  semaphore: () => new Semaphore({ shared: `${name}-semaphore`, permits, robust: true }),
  condition: () => new Mutex({ shared: `${name}-condition`, robust: true }),
  fragile: () => new Mutex({ shared: `${name}-fragile${life}` }),
};

const condition = new Condition({ shared: `${name}-called` });

/** A timeout that is over now and then, and often not. */
const briefly = () => below(20);

async function within(take) {
  try {
    return await take({ timeout: briefly() });
  } catch (error) {
    if (error.code !== 'ERR_MOIRAI_TIMEOUT') throw error;
    return null;
  }
}

/** Of each object: ways to take it; what each gives holds it, or is null. */
const takers = {
  mutex: {
    block: (mutex) => mutex.lock(),
    limit: (mutex) => mutex.lockFor(briefly()),
    loop: (mutex) => mutex.lockAsync(),
    'loop-limit': (mutex) => within((options) => mutex.lockAsync(options)),
    try: (mutex) => mutex.tryLock(),
  },
  inheriting: {
    block: (mutex) => mutex.lock(),
    limit: (mutex) => mutex.lockFor(briefly()),
    try: (mutex) => mutex.tryLock(),
  },
  rwLock: {
    write: (lock) => lock.writeLock(),
    'write-loop': (lock) => lock.writeLockAsync(),
    'write-limit': (lock) => lock.writeLockFor(briefly()),
    read: (lock) => lock.readLock(),
    'read-loop': (lock) => lock.readLockAsync(),
    'read-limit': (lock) => within((options) => lock.readLockAsync(options)),
  },
  semaphore: {
    block: (semaphore) => semaphore.acquire(),
    loop: (semaphore) => semaphore.acquireAsync(),
    limit: (semaphore) => semaphore.acquireFor(briefly()),
  },
  condition: {
    block: (mutex) => mutex.lock(),
    loop: (mutex) => mutex.lockAsync(),
  },
};

/** Waits for an item and takes it; every wait leaves the guard with the mutex. */
async function takeItem(guard, blocks) {
  ledger.write('condition', pid, guard, dwell);
  while (ledger.items <= 0) {
    if (blocks) condition.wait(guard);
    else await condition.waitAsync(guard);
    ledger.write('condition', pid, guard, dwell);
  }
  ledger.addItem(-1);
}

const [kind, method] = way.split(':');
let object = open[kind]();
if (kind === 'fragile') {
  object.lock();
  writeSync(1, 'joined');
  setInterval(() => {}, 1000); // to be killed with it
  await new Promise(() => {});
}
const take = takers[kind][method];
writeSync(1, 'joined');
for (let times = 1; !ledger.isFinishing; times++) {
  const held = await take(object);
  if (held !== null) {
    if (kind === 'condition') await takeItem(held, method === 'block');
    else if (kind === 'semaphore') ledger.permit(pid, dwell);
    else if (method.startsWith('read')) ledger.read(kind, held, dwell);
    else ledger.write(kind, pid, held, dwell);
    held[Symbol.dispose]();
    ledger.advance(life);
  }
  if (times % 64 === 0) {
    object.close();
    object = open[kind]();
  }
  if (times % 4 === 0 || held === null) await turn();
}
