import { attentionOnlyConfig, imageGptConfig, llamaConfig } from '@foretoken/models';

/** How models of sequences that are made from nothing begin, by `model.preset`. */
export const MODEL_PRESETS = {
  attentionOnly: attentionOnlyConfig,
  llama: llamaConfig,
  imageGpt: imageGptConfig,
} as const;
