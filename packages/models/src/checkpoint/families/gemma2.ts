import { z } from 'zod';
import { readGatedActivation } from '../activations.js';
import { count, flag, parseFields, refuseField, type TextFamily } from '../family.js';
import { layerTypes, slidingLayers } from '../layer-types.js';
import { attentionBias, gemmaEmbeddingScale, writeGemmaActivation } from './gemma.js';
import {
  type Defaults,
  LLAMA_IGNORED,
  LLAMA_LAYER,
  LLAMA_LIKE_FIELDS,
  LLAMA_PREFIX,
  llamaNames,
  readLlamaLike,
  writeLlamaLike,
} from './llama-like.js';

const DEFAULTS: Defaults = {
  vocab_size: 256000,
  hidden_size: 2304,
  intermediate_size: 9216,
  num_hidden_layers: 26,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 256,
  max_position_embeddings: 8192,
  tie_word_embeddings: true,
};

const TANH = 'gelu_pytorch_tanh';

const positive = z.number().positive();

const schema = z.looseObject({
  hidden_activation: z.string().nullish(),
  attention_bias: flag(false),
  query_pre_attn_scalar: positive.default(256),
  sliding_window: count.nullable().default(4096),
  attn_logit_softcapping: positive.nullable().default(50),
  final_logit_softcapping: positive.nullable().default(30),
  use_bidirectional_attention: flag(false),
});

/** The scalar whose scale is exactly this one, a whole number where one is. */
function scalarOf(scale: number): number {
  const scalar = 1 / scale ** 2;
  const whole = Math.round(scalar);
  return 1 / Math.sqrt(whole) === scale ? whole : scalar;
}

/** Gemma 2 (arXiv 2408.00118): Gemma with norms behind attention and MLP, soft caps, and a window in every other layer. */
export const gemma2: TextFamily = {
  modelType: 'gemma2',
  architectures: ['Gemma2ForCausalLM', 'Gemma2Model'],
  prefix: LLAMA_PREFIX,
  ignored: LLAMA_IGNORED,
  fields: [
    ...LLAMA_LIKE_FIELDS,
    'hidden_act',
    'hidden_activation',
    'attention_bias',
    'query_pre_attn_scalar',
    'sliding_window',
    'layer_types',
    'attn_logit_softcapping',
    'final_logit_softcapping',
    'use_bidirectional_attention',
  ],
  names: llamaNames({
    ...LLAMA_LAYER,
    attentionOutputNorm: 'post_attention_layernorm',
    mlpNorm: 'pre_feedforward_layernorm',
    mlpOutputNorm: 'post_feedforward_layernorm',
  }),
  read(fields) {
    const found = parseFields(schema, fields);
    if (found.use_bidirectional_attention) refuseField('use_bidirectional_attention', true, 'false');
    const common = readLlamaLike(fields, DEFAULTS);
    const size = found.sliding_window;
    const layers = slidingLayers(fields, common.layers, (layer) => layer % 2 === 0);
    return {
      ...common,
      mlp: readGatedActivation('hidden_activation', found.hidden_activation ?? TANH),
      bias: attentionBias(found.attention_bias),
      embeddingScale: gemmaEmbeddingScale(common.width),
      normWeightOffset: 1,
      outputNorms: true,
      attentionScale: 1 / Math.sqrt(found.query_pre_attn_scalar),
      attentionSoftCap: found.attn_logit_softcapping ?? undefined,
      logitSoftCap: found.final_logit_softcapping ?? undefined,
      slidingWindow: size === null || layers.length === 0 ? undefined : { size, layers },
    };
  },
  write(config) {
    const { slidingWindow: window, layers } = config;
    return {
      ...writeLlamaLike(config),
      ...writeGemmaActivation(config.mlp),
      attention_bias: config.bias.attentionOutput,
      query_pre_attn_scalar: scalarOf(config.attentionScale),
      sliding_window: window?.size ?? null,
      layer_types: layerTypes(window?.layers ?? [], layers),
      attn_logit_softcapping: config.attentionSoftCap ?? null,
      final_logit_softcapping: config.logitSoftCap ?? null,
    };
  },
};
