import type { Device, HostRandom } from '@foretoken/tensor';
import { transformerConfig } from '../config.js';
import { ImageClassifier } from '../vision/classifier.js';
import {
  type ImageClassifierConfig,
  type ImageClassifierConfigInput,
  imageClassifierConfig,
} from '../vision/config.js';
import { deit } from './families/deit.js';
import { ownClassifier } from './families/own-classifier.js';
import { vit } from './families/vit.js';
import { describedConfig, familyOf, type TrainingSettings } from './hub-config.js';
import { type CheckpointOrigin, loadModel, type ProgressOptions } from './load.js';
import type { ModelKind } from './model-kind.js';
import type { CheckpointSource } from './source.js';
import { essenceOf } from './transformers.js';

/** Classifiers of images. */
export const imageClassifiers: ModelKind<ImageClassifierConfig, ImageClassifierConfigInput, ImageClassifier> =
  {
    families: [vit, deit, ownClassifier],
    parse: imageClassifierConfig,
    create: (device, config) => new ImageClassifier(device, config),
    configOf: (model) => model.config,
    essence: ({ trunk, ...around }) => ({ ...around, ...essenceOf(trunk) }),
  };

/** What a caller may set besides config.json. */
export interface LoadClassifierOptions extends ProgressOptions {
  /** What config.json does not say, of the trunk. */
  readonly training?: TrainingSettings;
  /** Classes that are wanted: where the checkpoint has no head for as many, it gets a fresh one, to be trained. */
  readonly classes?: number;
  /** Of the first values of a fresh head; all are 0 when it is absent. */
  readonly random?: HostRandom;
}

export interface LoadedClassifier {
  readonly model: ImageClassifier;
  readonly config: ImageClassifierConfig;
  readonly origin: CheckpointOrigin;
}

/** Parameters of heads. */
const HEAD = /^(head|distillationHead)\./;

/**
 * A classifier of images with the weights of a checkpoint, widened to f32.
 *
 * @throws CheckpointError in one message, for an unknown architecture and for all tensors that are missing, extra,
 *   mis-shaped or of a dtype that is no float
 */
export async function loadImageClassifier(
  device: Device,
  source: CheckpointSource,
  { training = {}, classes, random, onProgress }: LoadClassifierOptions = {},
): Promise<LoadedClassifier> {
  const found = familyOf(imageClassifiers.families, source.label, source.config);
  const { family } = found;
  const described = describedConfig(imageClassifierConfig, source.label, found);
  const config = {
    ...described,
    classes: classes ?? described.classes,
    trunk: transformerConfig({ ...described.trunk, ...training }),
  };
  const isHead = (name: string): boolean => family.heads.some((head) => name.startsWith(head));
  const fresh =
    classes !== undefined && (classes !== described.classes || ![...source.tensors.keys()].some(isHead));
  const whole = family.nameMap(config);
  const { model, origin } = await loadModel(
    source,
    found,
    fresh ? new Map([...whole].filter(([name]) => !HEAD.test(name))) : whole,
    (name) => family.ignores(name, config) || (fresh && isHead(name)),
    () => new ImageClassifier(device, config, fresh ? random : undefined),
    onProgress,
  );
  return { model, config: model.config, origin };
}
