// D width, C channels, p height and width of a patch, P patches.
import { z } from 'zod';
import { layerCount } from '../../config.js';
import { vitConfig } from '../../presets.js';
import {
  type ImageClassifierConfig,
  type ImageClassifierConfigInput,
  patchGrid,
  tokensInFront,
} from '../../vision/config.js';
import { activationName, readActivation } from '../activations.js';
import { count, flag, type HubFields, parseFields, refuseField } from '../family.js';
import { type LayersNames, layersMap, type NameMap, type Part } from '../name-map.js';

const size = z.union([count, z.tuple([count, count])]);

const schema = z.looseObject({
  hidden_size: count.default(768),
  num_hidden_layers: layerCount.default(12),
  num_attention_heads: count.default(12),
  intermediate_size: count.default(3072),
  hidden_act: z.string().default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-12),
  image_size: size.default(224),
  patch_size: size.default(16),
  num_channels: count.default(3),
  qkv_bias: flag(true),
  id2label: z.record(z.string(), z.string()).nullish(),
  num_labels: count.nullish(),
});

/** Fields that `readVitLike` reads, and one that goes with them. */
export const VIT_LIKE_FIELDS: readonly string[] = [...Object.keys(schema.shape), 'label2id'];

/** What transformers takes where a config names no classes. */
const DEFAULT_CLASSES = 2;

function patchOf(found: z.output<typeof size>): number {
  if (typeof found === 'number') return found;
  const [height, width] = found;
  return height === width ? height : refuseField('patch_size', found, 'one number');
}

/** Image, patches, classes and layers of ViT and those built like it. */
export function readVitLike(
  fields: HubFields,
  front: Pick<ImageClassifierConfig, 'distillation'>,
): ImageClassifierConfigInput {
  const found = parseFields(schema, fields);
  const [height, width] =
    typeof found.image_size === 'number' ? [found.image_size, found.image_size] : found.image_size;
  const labels = found.id2label == null ? undefined : Object.keys(found.id2label).length;
  return {
    image: { height, width, channels: found.num_channels },
    patch: patchOf(found.patch_size),
    classes: labels ?? found.num_labels ?? DEFAULT_CLASSES,
    ...front,
    trunk: vitConfig({
      width: found.hidden_size,
      layers: found.num_hidden_layers,
      heads: found.num_attention_heads,
      mlp: readActivation('hidden_act', found.hidden_act),
      mlpWidth: found.intermediate_size,
      normEps: found.layer_norm_eps,
      bias: { queryKeyValue: found.qkv_bias, attentionOutput: true, mlp: true, norm: true },
    }),
  };
}

/** The fields that `readVitLike` reads. */
export function writeVitLike({ image, patch, classes, trunk }: ImageClassifierConfig): HubFields {
  const labels = Array.from({ length: classes }, (_, label) => `LABEL_${label}`);
  return {
    hidden_size: trunk.width,
    num_hidden_layers: trunk.layers,
    num_attention_heads: trunk.heads,
    intermediate_size: trunk.mlpWidth,
    hidden_act: activationName(trunk.mlp),
    layer_norm_eps: trunk.normEps,
    image_size: image.height === image.width ? image.height : [image.height, image.width],
    patch_size: patch,
    num_channels: image.channels,
    qkv_bias: trunk.bias.queryKeyValue,
    id2label: Object.fromEntries(labels.map((label, at) => [String(at), label])),
    label2id: Object.fromEntries(labels.map((label, at) => [label, at])),
  };
}

const layersNames = (prefix: string): LayersNames => ({
  layer: (index) => `${prefix}encoder.layer.${index}.`,
  inLayer: {
    attentionNorm: 'layernorm_before',
    queryKeyValue: ['attention.attention.query', 'attention.attention.key', 'attention.attention.value'],
    attentionOutput: 'attention.output.dense',
    mlpNorm: 'layernorm_after',
    up: ['intermediate.dense'],
    down: 'output.dense',
  },
  finalNorm: `${prefix}layernorm`,
  transposed: false,
});

/** How the heads of a classifier are called, that of the class token first. */
export type HeadNames = readonly [head: string] | readonly [head: string, distillation: string];

/** Weight and bias of each head. */
export function headParts(
  { classes, trunk }: ImageClassifierConfig,
  names: HeadNames,
): (readonly [parameter: string, parts: readonly Part[]])[] {
  return names.flatMap((name, at) => {
    const parameter = at === 0 ? 'head' : 'distillationHead';
    return [
      [`${parameter}.weight`, [{ name: `${name}.weight`, shape: [classes, trunk.width] }]],
      [`${parameter}.bias`, [{ name: `${name}.bias`, shape: [classes] }]],
    ] as const;
  });
}

/** Which tensors make up a classifier whose tensors are called as those of ViT. */
export function vitLikeMap(config: ImageClassifierConfig, prefix: string, heads: HeadNames): NameMap {
  const { image, patch, trunk } = config;
  const { width } = trunk;
  const embeddings = `${prefix}embeddings.`;
  const projection = `${embeddings}patch_embeddings.projection`;
  const token = (name: string): Part => ({ name: `${embeddings}${name}`, shape: [1, 1, width] });
  const { height, width: columns } = patchGrid(config);
  const positions = tokensInFront(config) + height * columns;
  return new Map<string, readonly Part[]>([
    // The pixels of a patch lie as in a convolution whose stride is its size.
    [
      'patchEmbedding.weight',
      [{ name: `${projection}.weight`, shape: [width, image.channels, patch, patch] }],
    ],
    ['patchEmbedding.bias', [{ name: `${projection}.bias`, shape: [width] }]],
    [
      'trunk.embeddings.0.weight',
      [token('cls_token'), ...(config.distillation === 'none' ? [] : [token('distillation_token')])],
    ],
    ['trunk.positions.weight', [{ name: `${embeddings}position_embeddings`, shape: [1, positions, width] }]],
    ...[...layersMap(trunk, layersNames(prefix))].map(([name, parts]) => [`trunk.${name}`, parts] as const),
    ...headParts(config, heads),
  ]);
}

/** Parts of ViT that classify nothing: of masked training, and of the output of a trunk alone. */
export const VIT_LIKE_IGNORED = /(^|\.)(embeddings\.mask_token|pooler\.dense\.(weight|bias))$/;
