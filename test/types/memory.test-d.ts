import type { CapabilityName, MemoryCapability, NumaBuffer, SharedRegion } from 'moirai';
import { numa } from 'moirai';

declare const memory: NumaBuffer;
declare const region: SharedRegion;

// Names of capabilities are declared twice, as the modules do not know each other.
export const name: CapabilityName = 'mbind' as MemoryCapability;

// A view is what its constructor makes.
export const doubles: Float64Array = memory.view(Float64Array);
export const longs: BigInt64Array = memory.view(BigInt64Array);
export const data: DataView = region.view(DataView);
// @ts-expect-error a view of doubles holds no bigints
export const wrong: BigInt64Array = memory.view(Float64Array);

// @ts-expect-error a mode that does not exist
numa.setPolicy({ mode: 'near', nodes: [0] });
// @ts-expect-error explicit and transparent are all there is
numa.allocate(4096, { hugePages: 'always' });
// @ts-expect-error what was granted is read only
memory.placement = 'placed';
