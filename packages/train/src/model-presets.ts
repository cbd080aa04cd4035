import { attentionOnlyConfig, gpt2Config, imageGptConfig, llamaConfig } from '@foretoken/models';

/** How models of sequences that are made from nothing begin, by `model.preset`. */
export const MODEL_PRESETS = {
  attentionOnly: attentionOnlyConfig,
  llama: llamaConfig,
  gpt2: gpt2Config,
  imageGpt: imageGptConfig,
} as const;
