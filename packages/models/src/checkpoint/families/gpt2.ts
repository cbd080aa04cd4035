import { z } from 'zod';
import { layerCount } from '../../config.js';
import { activationName, readActivation } from '../activations.js';
import { count, flag, parseFields, refuseField, type TextFamily } from '../family.js';

/** Fields under the names that other families have for them, which GPT-2's config takes as well. */
const ALIASES = {
  n_embd: 'hidden_size',
  n_layer: 'num_hidden_layers',
  n_head: 'num_attention_heads',
  n_positions: 'max_position_embeddings',
} as const;

const schema = z.looseObject({
  vocab_size: count.default(50257),
  n_positions: count.default(1024),
  n_embd: count.default(768),
  n_layer: layerCount.default(12),
  n_head: count.default(12),
  n_inner: count.nullish(),
  activation_function: z.string().default('gelu_new'),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  scale_attn_weights: flag(true),
  scale_attn_by_inverse_layer_idx: flag(false),
  add_cross_attention: flag(false),
  tie_word_embeddings: flag(true),
});

/** GPT-2 (Radford et al., 2019). Its linear layers lie transposed, queries, keys and values in one. */
export const gpt2: TextFamily = {
  modelType: 'gpt2',
  architectures: ['GPT2LMHeadModel', 'GPT2Model'],
  prefix: 'transformer.',
  // Causal masks.
  ignored: /\.attn\.(bias|masked_bias)$/,
  fields: [...Object.keys(schema.shape), ...Object.values(ALIASES), 'n_ctx'],
  names: {
    embedding: 'transformer.wte',
    positions: 'transformer.wpe',
    layer: (index) => `transformer.h.${index}.`,
    inLayer: {
      attentionNorm: 'ln_1',
      queryKeyValue: ['attn.c_attn'],
      attentionOutput: 'attn.c_proj',
      mlpNorm: 'ln_2',
      up: ['mlp.c_fc'],
      down: 'mlp.c_proj',
    },
    finalNorm: 'transformer.ln_f',
    output: 'lm_head',
    transposed: true,
  },
  read(fields) {
    const renamed = Object.entries(ALIASES).flatMap(([name, alias]) =>
      fields[name] === undefined && fields[alias] !== undefined ? [[name, fields[alias]] as const] : [],
    );
    const found = parseFields(schema, { ...fields, ...Object.fromEntries(renamed) });
    for (const name of ['scale_attn_by_inverse_layer_idx', 'add_cross_attention'] as const) {
      if (found[name]) refuseField(name, true, 'false');
    }
    return {
      vocabularySize: found.vocab_size,
      width: found.n_embd,
      layers: found.n_layer,
      heads: found.n_head,
      maxPositions: found.n_positions,
      positions: 'learned',
      attentionScale: found.scale_attn_weights ? undefined : 1,
      norm: 'layer',
      normEps: found.layer_norm_epsilon,
      mlp: readActivation('activation_function', found.activation_function),
      mlpWidth: found.n_inner ?? undefined,
      bias: true,
      tiedEmbeddings: found.tie_word_embeddings,
      initialization: { positions: 0.01 },
    };
  },
  write: (config) => ({
    vocab_size: config.vocabularySize,
    n_positions: config.maxPositions,
    n_embd: config.width,
    n_layer: config.layers,
    n_head: config.heads,
    n_inner: config.mlpWidth,
    activation_function: writtenActivation(config.mlp),
    layer_norm_epsilon: config.normEps,
    scale_attn_weights: config.attentionScale !== 1 || config.headWidth === 1,
    tie_word_embeddings: config.tiedEmbeddings,
  }),
};

/** The name that GPT-2 itself has for its activation. */
const writtenActivation = (mlp: string): string | undefined =>
  mlp === 'geluTanh' ? 'gelu_new' : activationName(mlp);
