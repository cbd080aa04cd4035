import type { ImageDataSet } from '@foretoken/data';
import {
  type ImageClassifierConfig,
  type ImageClassifierConfigInput,
  imageClassifierConfig,
  type Overrides,
  vitConfig,
} from '@foretoken/models';
import { RecipeError } from './errors.js';
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

/** Settings that can be given as `model.NAME`. */
export const IMAGE_MODEL_KEYS: readonly string[] = [...CLASSIFIER_KEYS, ...TRUNK_KEYS];

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

/** @throws RecipeError for a setting that a classifier does not have, or a value that does not fit */
export function checkImageModel(settings: Settings, dataSet: ImageDataSet): void {
  const unknown = Object.keys(settings).filter((key) => !IMAGE_MODEL_KEYS.includes(key));
  if (unknown.length > 0) throw new RecipeError(`model: ${describeUnknown(unknown, IMAGE_MODEL_KEYS)}`);
  try {
    imageModelConfig(settings, dataSet);
  } catch (error) {
    throw new RecipeError(`model: ${(error as Error).message.replace(/\s+/g, ' ')}`, { cause: error });
  }
}
