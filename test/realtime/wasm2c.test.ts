// WebAssembly on the thread of native ticks: translated to C by wasm2c when the addon is built.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createChannel, f64, type NativeTick } from 'moirai';
import { buildNativeAddon } from './fixtures/build-native-addon.mjs';
import { start } from './threads.js';

/** wasm-rt-impl.c and its header, to be compiled with what was translated. */
const runtime = '/usr/share/wabt/wasm2c';
const why = whyNot();
if (why !== undefined) console.log(`wasm2c is not tested: ${why}`);

function whyNot(): string | undefined {
  const { error, stdout } = spawnSync('wasm2c', ['--version'], { encoding: 'utf8' });
  if (error !== undefined || !existsSync(runtime)) {
    return 'it is not installed (Debian: apt install wabt)';
  }
  // Later ones give other names, and need another tick.
  return stdout.startsWith('1.0.32') ? undefined : `it is ${stdout.trim()}, not 1.0.32`;
}

test.skipIf(why !== undefined)(
  'an export that wasm2c has translated is a native tick',
  async () => {
    const addon = buildNativeAddon('wasm2c-addon', (folder) => {
      const file = (ending: string): string => join(folder, `controller.${ending}`);
      execFileSync('wat2wasm', [file('wat'), '-o', file('wasm')]);
      execFileSync('wasm2c', [file('wasm'), '-o', file('c')]);
      cpSync(runtime, folder, { recursive: true });
    });
    const { step } = createRequire(import.meta.url)(addon.path) as { readonly step: NativeTick };
    await using rt = await start();
    const wanted = createChannel({ kind: 'spsc', codec: f64(), capacity: 16 });
    const seen = createChannel({ kind: 'spsc', codec: f64(), capacity: 16 });
    const over = new Promise<unknown>((resolve) => {
      rt.nativePeriodic(step, {
        periodUs: 1000,
        channels: [wanted.receiver, seen.sender],
        onError: resolve,
      });
    });
    let position = 0;
    for (let i = 0; i < 40; i++) {
      const target = i < 20 ? 1 : -3;
      await wanted.sender.send(target);
      position += 0.25 * (target - position);
      expect(await seen.receiver.receive()).toBe(position);
    }
    // A trap is an end with an error, not the end of the process.
    await wanted.sender.send(Number.NaN);
    const unreachable = 5; // WASM_RT_TRAP_UNREACHABLE
    expect(await over).toMatchObject({ code: 'ERR_MOIRAI_TICK_FAILED', value: unreachable });
    addon.remove();
  },
);
