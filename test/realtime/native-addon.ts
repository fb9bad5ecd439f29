// The addon of fixtures/native-addon, built as its user would: by node-gyp, with the headers of Node and the
// one of the installed package.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NativeTick } from 'moirai';
import { nodeDirectory } from '../../scripts/node-headers.mjs';

const names = [
  'count',
  'follow',
  'misuse',
  'failsAtTen',
  'hangs',
  'long',
  'measures',
  'newer',
  'other',
] as const;
export type Ticks = Readonly<Record<(typeof names)[number], NativeTick>>;

export class NativeAddon {
  readonly folder = mkdtempSync(join(tmpdir(), 'moirai-native-'));
  readonly path = join(this.folder, 'build/Release/ticks.node');

  constructor() {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    cpSync(join(root, 'test/realtime/fixtures/native-addon'), this.folder, { recursive: true });
    mkdirSync(join(this.folder, 'node_modules'));
    symlinkSync(root, join(this.folder, 'node_modules/moirai'));
    const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
    const nodedir = nodeDirectory();
    const words = [nodeGyp, 'rebuild', '--silent', ...(nodedir ? [`--nodedir=${nodedir}`] : [])];
    execFileSync(process.execPath, words, { cwd: this.folder, stdio: 'pipe' });
  }

  load(): Ticks {
    return createRequire(import.meta.url)(this.path) as Ticks;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
