import { type ImageDataSet, imageConfigSchema, imageDataSets, parseImageConfig } from '@foretoken/data';
import { imageFiles } from '@foretoken/data/node';
import { imageObjectiveKinds } from '@foretoken/objectives';
import { checkImageModel, describeImageModel, IMAGE_MODEL_KEYS } from './image-model.js';
import { ImageWork } from './image-work.js';
import { MODEL_SETTINGS } from './model-settings.js';
import type { TaskKind } from './task-kinds.js';

/** The seed of a run decides what training images look like. */
const keys = Object.keys(imageConfigSchema.shape).filter((name) => name !== 'seed');

const imageKind = (dataSet: ImageDataSet): TaskKind => ({
  name: dataSet.name,
  keys,
  schema: imageConfigSchema,
  modelKeys: IMAGE_MODEL_KEYS,
  isText: false,
  modelSettings: MODEL_SETTINGS,
  describeModel: (model) => describeImageModel(model, dataSet),
  objectives: imageObjectiveKinds,
  check: (settings) => void parseImageConfig(dataSet.name, settings),
  checkModel: (model) => checkImageModel(model, dataSet),
  files: (settings) => imageFiles(dataSet, settings),
  open: (request) => ImageWork.open(dataSet.name, request),
});

/** Classification of the images of each data set. */
export const imageKinds: readonly TaskKind[] = imageDataSets.map(imageKind);
