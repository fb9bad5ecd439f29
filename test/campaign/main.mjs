// A million tasks of every kind, ended in every way, through executors of every make; every one of them
// must end once, as it may.
// usage: npm run campaign:executor -- [--tasks N] [--seeds K] [--seconds T] [--seed S]
//   N tasks (a million) for each of K seeds (three), one after the other; T seconds a seed at most.
//   --seed S: that seed alone, which makes the same choices again.
//   --sanitized: under a sanitizer, whose memory is its own affair.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '1000000' },
    seeds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    sanitized: { type: 'boolean', default: false },
  },
});
const turn = fileURLToPath(new URL('./turn.mjs', import.meta.url));
/** A process whose main thread says nothing for so long hangs in native code, or in joinSync. */
const silenceMs = 120_000;

/** Its exit code, or the signal that ended it. */
function run(seed) {
  const args = [...process.execArgv, '--expose-gc', turn, seed, values.tasks, values.seconds];
  if (values.sanitized) args.push('sanitized');
  const child = spawn(process.execPath, args.map(String), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  let timer = setTimeout(kill, silenceMs);
  function kill() {
    console.log(`seed ${seed}: no sign of life for ${silenceMs / 1000} s`);
    child.kill('SIGKILL');
  }
  child.on('message', () => {
    clearTimeout(timer);
    timer = setTimeout(kill, silenceMs);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      resolve(code ?? signal);
    });
  });
}

const given = values.seed;
const count = given === undefined ? Number(values.seeds) : 1;
for (let i = 0; i < count; i++) {
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  console.log(`seed ${seed}`);
  const end = await run(seed);
  if (end !== 0) {
    console.log(
      `failed (${end}): npm run campaign:executor -- --tasks ${values.tasks} --seed ${seed}`,
    );
    process.exitCode = 1;
  }
}
