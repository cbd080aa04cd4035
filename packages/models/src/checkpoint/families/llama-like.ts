// What Llama and the families that followed it have in common.
import { z } from 'zod';
import { layerCount, type TransformerConfig, type TransformerConfigInput } from '../../config.js';
import { activationName } from '../activations.js';
import { count, flag, type HubFields, parseFields, refuseField } from '../family.js';
import type { LayerNames, ModelNames } from '../name-map.js';
import { ROPE_FIELDS, readRope, writeRope } from '../rope.js';

/** Sizes that a family has where config.json says nothing: those of its class in transformers. */
export interface Defaults {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  /** As many as `num_attention_heads` when absent. */
  readonly num_key_value_heads?: number;
  /** `hidden_size / num_attention_heads` when absent. */
  readonly head_dim?: number;
  readonly max_position_embeddings: number;
  readonly tie_word_embeddings: boolean;
}

/** Fields that `readLlamaLike` reads. */
export const LLAMA_LIKE_FIELDS = [
  'vocab_size',
  'hidden_size',
  'intermediate_size',
  'num_hidden_layers',
  'num_attention_heads',
  'num_key_value_heads',
  'head_dim',
  'max_position_embeddings',
  'rms_norm_eps',
  'tie_word_embeddings',
  ...ROPE_FIELDS,
] as const;

const schemaOf = (defaults: Defaults) =>
  z.looseObject({
    vocab_size: count.default(defaults.vocab_size),
    hidden_size: count.default(defaults.hidden_size),
    intermediate_size: count.default(defaults.intermediate_size),
    num_hidden_layers: layerCount.default(defaults.num_hidden_layers),
    num_attention_heads: count.default(defaults.num_attention_heads),
    num_key_value_heads: count.nullish(),
    head_dim: count.nullish(),
    max_position_embeddings: count.default(defaults.max_position_embeddings),
    rms_norm_eps: z.number().positive().default(1e-6),
    tie_word_embeddings: flag(defaults.tie_word_embeddings),
  });

/** Sizes, rotary positions, RMS norms and the output; without biases, and without the kind of MLP. */
export function readLlamaLike(
  fields: HubFields,
  defaults: Defaults,
): Omit<TransformerConfigInput, 'mlp'> & { readonly layers: number } {
  const found = parseFields(schemaOf(defaults), fields);
  const { base, scaling } = readRope(fields, found.max_position_embeddings);
  // A null is not an absent field: it asks for what the class derives.
  const keyValueHeads =
    found.num_key_value_heads === undefined ? defaults.num_key_value_heads : found.num_key_value_heads;
  const headWidth = found.head_dim === undefined ? defaults.head_dim : found.head_dim;
  if (headWidth == null && found.hidden_size % found.num_attention_heads !== 0) {
    const supported = `a divisor of hidden_size (${found.hidden_size}), or head_dim beside it`;
    refuseField('num_attention_heads', found.num_attention_heads, supported);
  }
  return {
    vocabularySize: found.vocab_size,
    width: found.hidden_size,
    layers: found.num_hidden_layers,
    heads: found.num_attention_heads,
    keyValueHeads: keyValueHeads ?? found.num_attention_heads,
    headWidth: headWidth ?? found.hidden_size / found.num_attention_heads,
    maxPositions: found.max_position_embeddings,
    positions: 'rotary',
    rotary: { base, layout: 'half', scaling },
    norm: 'rms',
    normEps: found.rms_norm_eps,
    mlpWidth: found.intermediate_size,
    bias: false,
    tiedEmbeddings: found.tie_word_embeddings,
    initialization: { scaleResidual: false },
  };
}

/** The fields that `readLlamaLike` reads, and `hidden_act`. */
export function writeLlamaLike(config: TransformerConfig): HubFields {
  return {
    vocab_size: config.vocabularySize,
    hidden_size: config.width,
    intermediate_size: config.mlpWidth,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.keyValueHeads,
    head_dim: config.headWidth,
    max_position_embeddings: config.maxPositions,
    rms_norm_eps: config.normEps,
    tie_word_embeddings: config.tiedEmbeddings,
    hidden_act: activationName(config.mlp),
    ...writeRope(config.rotary),
  };
}

export const LLAMA_LAYER: LayerNames = {
  attentionNorm: 'input_layernorm',
  queryKeyValue: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
  attentionOutput: 'self_attn.o_proj',
  mlpNorm: 'post_attention_layernorm',
  up: ['mlp.gate_proj', 'mlp.up_proj'],
  down: 'mlp.down_proj',
};

export const LLAMA_PREFIX = 'model.';

/** Every version before 4.34 stored what follows from the base of the rotary positions. */
export const LLAMA_IGNORED = /(^|\.)rotary_emb\.inv_freq$/;

export const llamaNames = (inLayer: LayerNames = LLAMA_LAYER): ModelNames => ({
  embedding: `${LLAMA_PREFIX}embed_tokens`,
  layer: (index) => `${LLAMA_PREFIX}layers.${index}.`,
  inLayer,
  finalNorm: `${LLAMA_PREFIX}norm`,
  output: 'lm_head',
  transposed: false,
});
