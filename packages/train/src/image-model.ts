import type { ImageDataSet, ImageShape } from '@foretoken/data';
import { findModelData } from '@foretoken/data/node';
import {
  ImageClassifier,
  type ImageClassifierConfig,
  type ImageClassifierConfigInput,
  imageClassifierConfig,
  type Overrides,
  parameterCount,
  vitConfig,
} from '@foretoken/models';
import { loadPretrainedClassifier, type PretrainedOrigin } from '@foretoken/models/node';
import type { Device, HostRandom } from '@foretoken/tensor';
import { RecipeError } from './errors.js';
import { checkModelFits } from './memory-check.js';
import { checkFrom } from './model-source.js';
import { describeUnknown } from './problems.js';

type Settings = Readonly<Record<string, unknown>>;

/** What may be said of the classifier around the trunk. */
const CLASSIFIER_KEYS = ['patch', 'classToken', 'registers', 'pooling'];

/** What may be said of the trunk: its tokens and positions follow from the image. */
const TRUNK_KEYS = [
  'width',
  'layers',
  'heads',
  'keyValueHeads',
  'headWidth',
  'positions',
  'rotary',
  'norm',
  'normEps',
  'outputNorms',
  'mlp',
  'mlpWidth',
  'bias',
  'attentionScale',
  'attentionSoftCap',
  'dropout',
  'activationCheckpointing',
  'precision',
  'initialization',
];

const DEFAULT_PATCH = 4;

/** What may be said of a classifier that is loaded: the rest is what it is. */
const PRETRAINED_KEYS = ['from', 'dropout', 'activationCheckpointing', 'precision'];

/** Settings that can be given as `model.NAME`. */
export const IMAGE_MODEL_KEYS: readonly string[] = ['from', ...CLASSIFIER_KEYS, ...TRUNK_KEYS];

const chosen = (settings: Settings, keys: readonly string[]): Settings =>
  Object.fromEntries(Object.entries(settings).filter(([key]) => keys.includes(key)));

/**
 * The config of a classifier that is made from nothing, for the images of a data set: a small ViT unless the settings say
 * otherwise.
 *
 * @throws ConfigError listing what is wrong
 */
export function imageModelConfig(
  settings: Settings,
  { image, classes }: Pick<ImageDataSet, 'image' | 'classes'>,
): ImageClassifierConfig {
  const { patch = DEFAULT_PATCH, ...around } = chosen(settings, CLASSIFIER_KEYS);
  return imageClassifierConfig({
    ...around,
    patch: patch as number,
    image,
    classes,
    trunk: vitConfig({ width: 64, layers: 4, heads: 4, ...(chosen(settings, TRUNK_KEYS) as Overrides) }),
  } as ImageClassifierConfigInput);
}

/** What a classifier that is made from nothing is like; nothing of a pretrained one. */
export function describeImageModel(model: Settings, dataSet: ImageDataSet): Settings {
  if (model['from'] !== undefined) return {};
  const { trunk, ...around } = imageModelConfig(model, dataSet);
  return { ...trunk, ...around };
}

/** @throws RecipeError for a setting that a classifier does not have, or a value that does not fit */
export function checkImageModel(settings: Settings, dataSet: ImageDataSet): void {
  const { from } = settings;
  const known = from === undefined ? IMAGE_MODEL_KEYS : PRETRAINED_KEYS;
  const unknown = Object.keys(settings).filter((key) => !known.includes(key));
  if (unknown.length > 0) {
    const structural = from !== undefined && unknown.every((key) => IMAGE_MODEL_KEYS.includes(key));
    throw new RecipeError(
      structural
        ? `model: ${unknown.join(', ')} cannot be set beside model.from: a pretrained model has its own. Only ${PRETRAINED_KEYS.slice(1).join(', ')} can.`
        : `model: ${describeUnknown(unknown, known)}`,
    );
  }
  if (from !== undefined) {
    checkFrom(from);
    return;
  }
  try {
    imageModelConfig(settings, dataSet);
  } catch (error) {
    throw new RecipeError(`model: ${(error as Error).message.replace(/\s+/g, ' ')}`, { cause: error });
  }
}

/** A classifier, and what saving it for other tools should keep. */
export interface MadeClassifier {
  readonly model: ImageClassifier;
  readonly origin: PretrainedOrigin | undefined;
}

/**
 * The classifier that a recipe begins with: loaded, with a fresh head where it has one for other classes, or made from
 * nothing.
 *
 * @throws CheckpointError or RecipeError where model and images do not belong together
 */
export async function makeClassifier(
  device: Device,
  { from, ...settings }: Settings,
  dataSet: ImageDataSet,
  random: HostRandom,
): Promise<MadeClassifier> {
  if (from === undefined) {
    const config = imageModelConfig(settings, dataSet);
    checkModelFits(parameterCount(config.trunk), device.info);
    return { model: new ImageClassifier(device, config, random), origin: undefined };
  }
  const { classes, image, title } = dataSet;
  const { model, origin } = await loadPretrainedClassifier(device, findModelData(from as string), {
    training: settings,
    classes,
    random,
  });
  const expected = model.config.image;
  if ((['height', 'width', 'channels'] as const).every((axis) => expected[axis] === image[axis]))
    return { model, origin };
  model.dispose();
  throw new RecipeError(
    `model.from: ${String(from)} reads images of ${sizeOf(expected)}, those of ${title} are ${sizeOf(image)}.`,
  );
}

const sizeOf = ({ height, width, channels }: ImageShape): string => `${height} x ${width} x ${channels}`;
