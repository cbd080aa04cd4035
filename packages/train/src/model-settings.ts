import { imageClassifierConfigSchema, transformerConfigSchema } from '@foretoken/models';
import { MODEL_PRESETS } from './model-presets.js';
import { describeSchema, type SettingDescription } from './setting-descriptions.js';

const text = { type: 'text', types: new Set(['string']) };

/** Everything that can be set of a model, by its name in `model`. */
export const MODEL_SETTINGS: ReadonlyMap<string, SettingDescription> = new Map<string, SettingDescription>([
  ...describeSchema(imageClassifierConfigSchema),
  ...describeSchema(transformerConfigSchema),
  [
    'from',
    {
      ...text,
      description:
        'a pretrained model: a folder, or organization/model of the hub; what it is like is its own',
    },
  ],
  [
    'preset',
    {
      ...text,
      type: Object.keys(MODEL_PRESETS).join(' | '),
      description: 'the kind of model that is made from nothing; other settings replace its own',
    },
  ],
]);
