export { type LoadedAddon, loadAddon } from './addon.js';
