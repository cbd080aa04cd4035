import { z } from 'zod';
import { readGatedActivation } from '../activations.js';
import { flag, parseFields, type TextFamily } from '../family.js';
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
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  max_position_embeddings: 2048,
  tie_word_embeddings: false,
};

const schema = z.looseObject({
  hidden_act: z.string().default('silu'),
  attention_bias: flag(false),
  mlp_bias: flag(false),
});

/** Llama 1 to 3 (arXiv 2302.13971, 2307.09288, 2407.21783). */
export const llama: TextFamily = {
  modelType: 'llama',
  architectures: ['LlamaForCausalLM', 'LlamaModel'],
  prefix: LLAMA_PREFIX,
  ignored: LLAMA_IGNORED,
  fields: [...LLAMA_LIKE_FIELDS, 'hidden_act', 'attention_bias', 'mlp_bias'],
  names: llamaNames(),
  read(fields) {
    const found = parseFields(schema, fields);
    const { attention_bias: attention, mlp_bias: mlp } = found;
    return {
      ...readLlamaLike(fields, DEFAULTS),
      mlp: readGatedActivation('hidden_act', found.hidden_act),
      bias: { queryKeyValue: attention, attentionOutput: attention, mlp, norm: false },
    };
  },
  write: (config) => ({
    ...writeLlamaLike(config),
    attention_bias: config.bias.attentionOutput,
    mlp_bias: config.bias.mlp,
  }),
};
