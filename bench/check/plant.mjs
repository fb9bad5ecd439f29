// Makes a copy of a build slower, by a known time a task: to see that the check would find it. In the
// copy's border to C++, wherever its files load the addon, an owner's `submit` and a worker's `next`
// first keep their thread busy for so many nanoseconds as subject.mjs has put into shared memory.
// Nothing of it is in src.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const loadsAddon = /^(?:export )?(?:const|var) native = .*$/m;

const patch = `
{
  const { isMainThread, workerData } = process.getBuiltinModule('node:worker_threads');
  const planted = isMainThread ? globalThis.planted : workerData.workerData;
  let sink = 1;
  const spin = (rounds) => {
    for (let i = 0; i < rounds; i++) sink = (Math.imul(sink, 1103515245) + 12345) | 0;
  };
  let roundsPerNs = 0;
  for (let i = 0; i < 100; i++) {
    const start = performance.now();
    spin(20_000);
    roundsPerNs = Math.max(roundsPerNs, 20_000 / ((performance.now() - start) * 1e6));
  }
  const delay = (opener, method, index) => {
    const open = native[opener];
    native[opener] = (...options) => {
      const side = open(...options);
      const inner = side[method];
      if (typeof inner !== 'function') throw new Error('nowhere to plant: no ' + method);
      side[method] = (...args) => {
        spin(planted[index] * roundsPerNs);
        return inner(...args);
      };
      return side;
    };
  };
  delay('openExecutor', 'submit', 0);
  delay('attachWorker', 'next', 1);
}
`;

export function plant(build) {
  const dist = join(build, 'dist');
  let places = 0;
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.js')) continue;
    const code = readFileSync(join(dist, name), 'utf8');
    if (!loadsAddon.test(code)) continue;
    writeFileSync(
      join(dist, name),
      code.replace(loadsAddon, (line) => line + patch),
    );
    places++;
  }
  if (places === 0) throw new Error(`nowhere to plant: nothing in ${dist} loads the addon`);
}
