import { z } from 'zod';
import { readGatedActivation } from '../activations.js';
import { count, flag, parseFields, type TextFamily } from '../family.js';
import { layerTypes, slidingLayers } from '../layer-types.js';
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
  vocab_size: 151936,
  hidden_size: 4096,
  intermediate_size: 22016,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 32,
  max_position_embeddings: 32768,
  tie_word_embeddings: false,
};

const schema = z.looseObject({
  hidden_act: z.string().default('silu'),
  use_sliding_window: flag(false),
  sliding_window: count.nullable().default(4096),
  max_window_layers: z.int().nonnegative().default(28),
});

/** Qwen2 and 2.5 (arXiv 2407.10671): Llama with biases on queries, keys and values, and windows in the upper layers. */
export const qwen2: TextFamily = {
  modelType: 'qwen2',
  architectures: ['Qwen2ForCausalLM', 'Qwen2Model'],
  prefix: LLAMA_PREFIX,
  ignored: LLAMA_IGNORED,
  fields: [
    ...LLAMA_LIKE_FIELDS,
    'hidden_act',
    'use_sliding_window',
    'sliding_window',
    'max_window_layers',
    'layer_types',
  ],
  names: llamaNames(),
  read(fields) {
    const found = parseFields(schema, fields);
    const common = readLlamaLike(fields, DEFAULTS);
    const size = found.use_sliding_window ? found.sliding_window : null;
    const layers = slidingLayers(fields, common.layers, (layer) => layer >= found.max_window_layers);
    return {
      ...common,
      mlp: readGatedActivation('hidden_act', found.hidden_act),
      bias: { queryKeyValue: true, attentionOutput: false, mlp: false, norm: false },
      slidingWindow: size === null || layers.length === 0 ? undefined : { size, layers },
    };
  },
  write(config) {
    const { slidingWindow: window, layers } = config;
    return {
      ...writeLlamaLike(config),
      use_sliding_window: window !== undefined,
      sliding_window: window?.size ?? null,
      // Versions that know no `layer_types` take all layers from the first one with a window on.
      max_window_layers: window === undefined ? layers : Math.min(...window.layers),
      layer_types: layerTypes(window?.layers ?? [], layers),
    };
  },
};
