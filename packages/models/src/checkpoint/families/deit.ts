import type { ImageClassifierConfig, ImageClassifierConfigInput } from '../../vision/config.js';
import type { Family } from '../family.js';
import { readVitLike, VIT_LIKE_FIELDS, VIT_LIKE_IGNORED, vitLikeMap, writeVitLike } from './vit-like.js';

const PREFIX = 'deit.';
const WITH_TEACHER = 'DeiTForImageClassificationWithTeacher';
const WITHOUT_TEACHER = 'DeiTForImageClassification';

/**
 * DeiT with a distillation token (arXiv 2012.12877). With the head that learned from the teacher, its logits and those of the
 * class token are averaged; without it the token is seen and not read.
 */
export const deit: Family<ImageClassifierConfig, ImageClassifierConfigInput> = {
  modelType: 'deit',
  architectures: [WITH_TEACHER, WITHOUT_TEACHER, 'DeiTModel'],
  prefix: PREFIX,
  heads: ['classifier.', 'cls_classifier.', 'distillation_classifier.'],
  fields: VIT_LIKE_FIELDS,
  ignores: (name) => VIT_LIKE_IGNORED.test(name),
  read(fields) {
    const { architectures } = fields;
    const withTeacher = Array.isArray(architectures) && architectures.includes(WITH_TEACHER);
    return readVitLike(fields, { distillation: withTeacher ? 'head' : 'token' });
  },
  write: (config) => ({
    ...writeVitLike(config),
    architectures: [config.distillation === 'head' ? WITH_TEACHER : WITHOUT_TEACHER],
  }),
  nameMap: (config) =>
    vitLikeMap(
      config,
      PREFIX,
      config.distillation === 'head' ? ['cls_classifier', 'distillation_classifier'] : ['classifier'],
    ),
};
