import { z } from 'zod';
import type { ImageClassifierConfig, ImageClassifierConfigInput } from '../../vision/config.js';
import { type Family, parseFields } from '../family.js';
import { type LayersNames, layersMap, type Part } from '../name-map.js';
import { headParts } from './vit-like.js';

const schema = z.looseObject({ classifier: z.record(z.string(), z.unknown()) });

const layersNames = ({ trunk }: ImageClassifierConfig): LayersNames => ({
  layer: (index) => `trunk.blocks.${index}.`,
  inLayer: {
    attentionNorm: 'attentionNorm',
    queryKeyValue: ['attention.queryKeyValue'],
    attentionOutput: 'attention.output',
    mlpNorm: 'mlpNorm',
    up: ['mlp.up'],
    down: 'mlp.down',
    ...(trunk.outputNorms
      ? { attentionOutputNorm: 'attentionOutputNorm', mlpOutputNorm: 'mlpOutputNorm' }
      : {}),
  },
  finalNorm: 'trunk.finalNorm',
  transposed: false,
});

/**
 * Any classifier, by the names that its parameters have here: for what no family of Hugging Face has, like patches at
 * rotary positions, registers, or a mean of patches. Other tools do not know it.
 */
export const ownClassifier: Family<ImageClassifierConfig, ImageClassifierConfigInput> = {
  modelType: 'foretoken-image-classifier',
  architectures: ['ImageClassifier'],
  prefix: '',
  heads: ['head.', 'distillationHead.'],
  fields: ['classifier'],
  ignores: () => false,
  read: (fields) => {
    const { trunk, ...around } = parseFields(schema, fields).classifier;
    return { ...around, trunk } as ImageClassifierConfigInput;
  },
  write: (config) => ({ classifier: config }),
  nameMap(config) {
    const { image, patch, trunk } = config;
    const { vocabularySize, maxPositions, width } = trunk;
    const same = (name: string, shape: readonly number[]): readonly [string, readonly Part[]] => [
      name,
      [{ name, shape }],
    ];
    const { distillation } = config;
    return new Map([
      same('patchEmbedding.weight', [width, image.channels * patch * patch]),
      same('patchEmbedding.bias', [width]),
      ...(vocabularySize === 0 ? [] : [same('trunk.embeddings.0.weight', [vocabularySize, width])]),
      ...(trunk.positions === 'learned' ? [same('trunk.positions.weight', [maxPositions, width])] : []),
      ...[...layersMap(trunk, layersNames(config))].map(([name, parts]) => [`trunk.${name}`, parts] as const),
      ...headParts(config, distillation === 'head' ? ['head', 'distillationHead'] : ['head']),
    ]);
  },
};
