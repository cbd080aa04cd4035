import { z } from 'zod';
import { readGatedActivation } from '../activations.js';
import { count, parseFields, type TextFamily } from '../family.js';
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
  vocab_size: 32000,
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 131072,
  tie_word_embeddings: false,
};

const schema = z.looseObject({
  hidden_act: z.string().default('silu'),
  sliding_window: count.nullable().default(4096),
});

/** Mistral (arXiv 2310.06825): Llama with a sliding window in every layer. */
export const mistral: TextFamily = {
  modelType: 'mistral',
  architectures: ['MistralForCausalLM', 'MistralModel'],
  prefix: LLAMA_PREFIX,
  ignored: LLAMA_IGNORED,
  fields: [...LLAMA_LIKE_FIELDS, 'hidden_act', 'sliding_window'],
  names: llamaNames(),
  read(fields) {
    const found = parseFields(schema, fields);
    return {
      ...readLlamaLike(fields, DEFAULTS),
      mlp: readGatedActivation('hidden_act', found.hidden_act),
      slidingWindow: found.sliding_window === null ? undefined : { size: found.sliding_window },
    };
  },
  write: (config) => ({
    ...writeLlamaLike(config),
    sliding_window: config.slidingWindow?.size ?? null,
  }),
};
