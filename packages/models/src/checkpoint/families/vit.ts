import type { ImageClassifierConfig, ImageClassifierConfigInput } from '../../vision/config.js';
import type { Family } from '../family.js';
import { readVitLike, VIT_LIKE_FIELDS, VIT_LIKE_IGNORED, vitLikeMap, writeVitLike } from './vit-like.js';

const PREFIX = 'vit.';

/** ViT (arXiv 2010.11929), and DeiT without distillation, which is stored as one. */
export const vit: Family<ImageClassifierConfig, ImageClassifierConfigInput> = {
  modelType: 'vit',
  architectures: ['ViTForImageClassification', 'ViTModel'],
  prefix: PREFIX,
  heads: ['classifier.'],
  fields: VIT_LIKE_FIELDS,
  ignores: (name) => VIT_LIKE_IGNORED.test(name),
  read: (fields) => readVitLike(fields, { distillation: 'none' }),
  write: writeVitLike,
  nameMap: (config) => vitLikeMap(config, PREFIX, ['classifier']),
};
