// The ticks of fixtures/native-addon.
import { createRequire } from 'node:module';
import type { NativeTick } from 'moirai';
import { buildNativeAddon } from './fixtures/build-native-addon.mjs';

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
  readonly #built = buildNativeAddon();

  get path(): string {
    return this.#built.path;
  }

  load(): Ticks {
    return createRequire(import.meta.url)(this.path) as Ticks;
  }

  remove(): void {
    this.#built.remove();
  }
}
