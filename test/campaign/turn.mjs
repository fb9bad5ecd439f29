// All tasks of one seed, in a process of its own.  usage: turn.mjs SEED TASKS SECONDS [sanitized]   (--expose-gc)
// Exit codes: 0 all is well, 1 something is wrong, 3 it hangs.
import { AsyncLocalStorage } from 'node:async_hooks';
import { compare, measure } from './gauge.mjs';
import { Ledger } from './ledger.mjs';
import { Life } from './life.mjs';
import { randomFrom } from './random.mjs';

const [seed, tasks, seconds] = process.argv.slice(2, 5).map(Number);
const sanitized = process.argv[5] === 'sanitized';
const hangSeconds = sanitized ? 100 : 60;
const random = randomFrom(seed);
const ledger = new Ledger(tasks);
const tenant = new AsyncLocalStorage();
const samples = [];
const totals = { lives: 0, queueFull: 0, drains: 0, destroyed: 0 };
const started = performance.now();
const isOver = () => performance.now() - started > seconds * 1000;
let life;

let seen = '';
let seenAt = performance.now();
setInterval(() => {
  process.send?.('alive');
  const now = `${ledger.settled} ${life?.stage}`;
  if (now !== seen) [seen, seenAt] = [now, performance.now()];
  else if (performance.now() - seenAt > hangSeconds * 1000) reportHang();
}, 1000).unref();

function reportHang() {
  console.log(`seed ${seed} hangs: ${life?.stage}; ${life?.describe()}`);
  console.log(JSON.stringify(life?.executor?.stats()));
  const waits = ({ handle }) => (handle?.slot ?? -1) < 0;
  const first = [...(life?.open.values() ?? [])].sort(
    (a, b) => Number(waits(a)) - Number(waits(b)),
  );
  for (const { cell, kind, handle, cancel, plan } of first.slice(0, 30)) {
    const { accepted } = cancel;
    const status = `${handle?.status} in slot ${handle?.slot}, begun ${ledger.begun[cell]}, cancel ${accepted}, limit ${plan.limit}`;
    console.log(`  #${cell} ${kind}, id ${handle?.id}: ${status}`);
  }
  for (const line of ledger.violations) console.log(`  ${line}`);
  process.exit(3);
}

process.on('uncaughtExceptionMonitor', (error) => {
  console.log(`seed ${seed}: ${life?.stage}; ${life?.describe()}; ${String(error)}`);
});

let cell = 0;
// The smaller the campaign, the smaller the lives: there must be some to compare.
const longest = Math.max(500, Math.min(60_000, tasks / 12));
while (cell < tasks && !isOver()) {
  life = new Life({ random, ledger, tenant });
  const size = Math.floor(300 + random.next() ** 3 * longest);
  cell = await life.run(cell, Math.min(tasks, cell + size), isOver);
  totals.lives++;
  for (const name of ['queueFull', 'drains', 'destroyed']) totals[name] += life[name];
  life = undefined;
  samples.push(await measure());
  if (ledger.violations.length > 20) break;
}

const { first, last, grown } = compare(samples);
if (!sanitized) for (const line of grown) ledger.violate(line);
ledger.auditLimits();
const sum = Object.values(ledger.counts).reduce((total, count) => total + count, 0);
if (sum !== cell) ledger.violate(`${sum} ends of ${cell} tasks`);
const round = (state) =>
  Object.entries(state)
    .map(([name, value]) => `${name} ${Math.round(value * 10) / 10}`)
    .join(', ');
const took = Math.round((performance.now() - started) / 100) / 10;
const { reruns, early } = ledger;
const all = round({ ...ledger.counts, reruns, early, ...totals });
console.log(`seed ${seed}: ${cell} tasks in ${took} s; ${all}`);
console.log(`  first quarter: ${round(first)}\n  last quarter:  ${round(last)}`);
for (const line of ledger.violations) console.log(`  violation: ${line}`);
process.exit(ledger.violations.length > 0 ? 1 : 0);
