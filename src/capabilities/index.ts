// What the kernel grants to this process, and why not what it does not.
export { capabilities } from './capabilities.js';
export type {
  Capabilities,
  Capability,
  CapabilityCause,
  CapabilityName,
  CapabilityState,
} from './types.js';
