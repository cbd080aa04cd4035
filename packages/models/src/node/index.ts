export { checkCompanions } from './companions.js';
export { type CheckpointFolder, openCheckpointFolder } from './folder.js';
export type { HubOptions, HubProgress } from './hub.js';
export { BlobDownload } from './hub-download.js';
export { loadImageTokenizer, saveImageTokenizer } from './image-tokenizer.js';
export { type LoadLoraOptions, loadLora } from './load-lora.js';
export {
  type LoadPretrainedClassifierOptions,
  type LoadPretrainedOptions,
  loadPretrained,
  loadPretrainedClassifier,
  type Pretrained,
  type PretrainedClassifier,
  type PretrainedOrigin,
  pretrainedFolder,
} from './load-pretrained.js';
export { isAbandoned, isProcessAlive, newMark } from './process-mark.js';
export { readSafetensorsFile, withSafetensorsFile } from './safetensors-file.js';
export { type SaveLoraOptions, saveLora } from './save-lora.js';
export { type SavePretrainedOptions, savePretrained } from './save-pretrained.js';
