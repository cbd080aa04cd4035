import { z } from 'zod';
import { activationName, readGatedActivation } from '../activations.js';
import { flag, type HubFields, parseFields, refuseField, type TextFamily } from '../family.js';
import {
  type Defaults,
  LLAMA_IGNORED,
  LLAMA_LIKE_FIELDS,
  LLAMA_PREFIX,
  llamaNames,
  readLlamaLike,
  writeLlamaLike,
} from './llama-like.js';

const DEFAULTS: Defaults = {
  vocab_size: 256000,
  hidden_size: 3072,
  intermediate_size: 24576,
  num_hidden_layers: 28,
  num_attention_heads: 16,
  num_key_value_heads: 16,
  head_dim: 256,
  max_position_embeddings: 8192,
  tie_word_embeddings: true,
};

const TANH = 'gelu_pytorch_tanh';

const schema = z.looseObject({
  hidden_act: z.string().default(TANH),
  hidden_activation: z.string().nullish(),
  attention_bias: flag(false),
  use_bidirectional_attention: flag(false),
});

/** The first checkpoints say `gelu` where the models were trained with its approximation. */
const legacy = (name: string): string => (name === 'gelu' ? TANH : name);

/** The factor of embeddings, rounded as the weights are in memory: to f32. */
export const gemmaEmbeddingScale = (width: number): number => Math.fround(Math.sqrt(width));

/** Biases as all projections of attention have them, or none. */
export const attentionBias = (biased: boolean) => ({
  queryKeyValue: biased,
  attentionOutput: biased,
  mlp: false,
  norm: false,
});

/** The activation under both of its names, for all versions. */
export const writeGemmaActivation = (mlp: string): HubFields => ({
  hidden_act: activationName(mlp),
  hidden_activation: activationName(mlp),
});

/** Gemma (arXiv 2403.08295): scaled embeddings, norms whose weights count from 1, gated tanh GELU. */
export const gemma: TextFamily = {
  modelType: 'gemma',
  architectures: ['GemmaForCausalLM', 'GemmaModel'],
  prefix: LLAMA_PREFIX,
  ignored: LLAMA_IGNORED,
  fields: [
    ...LLAMA_LIKE_FIELDS,
    'hidden_act',
    'hidden_activation',
    'attention_bias',
    'use_bidirectional_attention',
  ],
  names: llamaNames(),
  read(fields) {
    const found = parseFields(schema, fields);
    if (found.use_bidirectional_attention) refuseField('use_bidirectional_attention', true, 'false');
    const common = readLlamaLike(fields, DEFAULTS);
    return {
      ...common,
      mlp: readGatedActivation('hidden_activation', found.hidden_activation ?? legacy(found.hidden_act)),
      bias: attentionBias(found.attention_bias),
      embeddingScale: gemmaEmbeddingScale(common.width),
      normWeightOffset: 1,
    };
  },
  write: (config) => ({
    ...writeLlamaLike(config),
    ...writeGemmaActivation(config.mlp),
    attention_bias: config.bias.attentionOutput,
  }),
};
