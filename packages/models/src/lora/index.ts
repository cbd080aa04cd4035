export {
  type LoraConfig,
  type LoraConfigInput,
  loraConfig,
  loraConfigSchema,
  loraSettings,
} from './config.js';
export type { LinearSite } from './linear-sites.js';
export { loadAdapters } from './load.js';
export { type AdaptedSite, addLora, Lora } from './lora.js';
export { type AdapterContents, adapterContents, type SaveAdaptersOptions } from './save.js';
