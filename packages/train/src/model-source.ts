import { checkTokenizerFits, type SequenceTask } from '@foretoken/data';
import { findModelData } from '@foretoken/data/node';
import { parameterCount, Transformer, type TransformerConfig } from '@foretoken/models';
import {
  checkCompanions,
  loadPretrained,
  type PretrainedOrigin,
  pretrainedFolder,
} from '@foretoken/models/node';
import type { Device, HostRandom } from '@foretoken/tensor';
import { RecipeError } from './errors.js';
import type { OnPhase } from './events.js';
import { checkModelFits } from './memory-check.js';
import { MODEL_PRESETS } from './model-presets.js';
import { describeUnknown } from './problems.js';
import type { LoadedTask, SequenceKind } from './sequence-kind.js';

type Settings = Readonly<Record<string, unknown>>;

/** What may be said of a model that is loaded: the rest is what it is. */
const PRETRAINED_KEYS = ['from', 'maxPositions', 'dropout', 'activationCheckpointing', 'precision'];

/** What may be said of a model that is made from nothing. */
const CONFIG_KEYS = [
  'preset',
  'width',
  'layers',
  'heads',
  'keyValueHeads',
  'headWidth',
  'maxPositions',
  'positions',
  'grid',
  'rotary',
  'norm',
  'normEps',
  'normWeightOffset',
  'outputNorms',
  'mlp',
  'mlpWidth',
  'bias',
  'tiedEmbeddings',
  'embeddingScale',
  'attentionScale',
  'attentionSoftCap',
  'logitSoftCap',
  'slidingWindow',
  'dropout',
  'activationCheckpointing',
  'precision',
  'initialization',
];

/** Settings that can be given as `model.NAME`. */
export const MODEL_KEYS: readonly string[] = ['from', ...CONFIG_KEYS];

type PresetName = keyof typeof MODEL_PRESETS;

/** The config of a model that is made from nothing, for tokens of a vocabulary. */
function configOf(
  model: Settings,
  kind: Pick<SequenceKind, 'defaultModel'>,
  task: Pick<SequenceTask, 'vocabularySize' | 'channels' | 'maxTime' | 'channelVocabularySizes' | 'grid'>,
): TransformerConfig {
  const { vocabularySize, channels, maxTime, grid } = task;
  const { preset = kind.defaultModel, ...settings } = model;
  const make = MODEL_PRESETS[preset as PresetName];
  return make({
    vocabularySize,
    channelVocabularySizes:
      task.channelVocabularySizes ?? Array.from({ length: channels - 1 }, () => vocabularySize),
    maxPositions: maxTime + 1,
    ...(grid === undefined ? {} : { grid }),
    ...settings,
  });
}

/** What the data will say is not known yet: any task will do that a config with a grid of its own can be of. */
const ANY_TASK = {
  vocabularySize: 2,
  channels: 1,
  maxTime: 2 ** 20,
  grid: { height: 1, width: 1, before: 1 },
};

/** What a model that is made from nothing is like, as far as no data decides it; nothing of a pretrained one. */
export function describeModel(model: Settings, kind: Pick<SequenceKind, 'defaultModel'>): Settings {
  if (model['from'] !== undefined) return {};
  const { maxPositions: _, grid: __, ...known } = configOf(model, kind, ANY_TASK);
  return { preset: kind.defaultModel, ...known };
}

/** @throws RecipeError for a setting that a model does not have, or a value that does not fit */
export function checkModel(model: Settings, kind: Pick<SequenceKind, 'defaultModel'>): void {
  const known = model['from'] === undefined ? CONFIG_KEYS : PRETRAINED_KEYS;
  const unknown = Object.keys(model).filter((key) => !known.includes(key));
  if (unknown.length > 0) {
    const structural = model['from'] !== undefined && unknown.every((key) => CONFIG_KEYS.includes(key));
    throw new RecipeError(
      structural
        ? `model: ${unknown.join(', ')} cannot be set beside model.from: a pretrained model has its own. Only ${PRETRAINED_KEYS.slice(1).join(', ')} can.`
        : `model: ${describeUnknown(unknown, known)}`,
    );
  }
  const { from, preset = kind.defaultModel } = model;
  if (from !== undefined) {
    checkFrom(from);
    return;
  }
  if (!Object.hasOwn(MODEL_PRESETS, preset as string)) {
    throw new RecipeError(
      `model.preset: expected one of ${Object.keys(MODEL_PRESETS).join(', ')}, got ${JSON.stringify(preset)}.`,
    );
  }
  try {
    configOf(model, kind, ANY_TASK);
  } catch (error) {
    throw new RecipeError(`model: ${(error as Error).message.replace(/\s+/g, ' ')}`, { cause: error });
  }
}

/** @throws RecipeError for what names no model */
export function checkFrom(from: unknown): void {
  if (typeof from === 'string' && from !== '') return;
  throw new RecipeError(
    `model.from: expected a folder or organization/model of the hub, got ${JSON.stringify(from)}.`,
  );
}

/** The folder of the model that a recipe begins with; fetched from the hub where it is not a folder. */
export async function startFolder(model: Settings): Promise<string | undefined> {
  const { from } = model;
  return from === undefined ? undefined : pretrainedFolder(findModelData(from as string));
}

/** A model, and what saving it for other tools should keep. */
export interface MadeModel {
  readonly model: Transformer;
  readonly origin: PretrainedOrigin | undefined;
}

export interface ModelRequest {
  readonly device: Device;
  readonly settings: Settings;
  readonly kind: Pick<SequenceKind, 'defaultModel'>;
  readonly loaded: LoadedTask;
  /** As `startFolder` gave it. */
  readonly folder: string | undefined;
  readonly random: HostRandom;
  readonly onPhase?: OnPhase;
}

/**
 * The model that a recipe begins with: loaded, or made from nothing for the vocabulary of the task.
 *
 * @throws CheckpointError, TokenizerError or RecipeError where model, tokenizer and sequences do not belong together
 */
export async function makeModel(request: ModelRequest): Promise<MadeModel> {
  const { device, settings, kind, loaded, folder, random, onPhase } = request;
  const { task, tokenizer } = loaded;
  // What is saved at the end must not fail then.
  const kept = tokenizer?.name ?? folder;
  if (kept !== undefined) checkCompanions(kept);
  if (folder === undefined) {
    const config = configOf(settings, kind, task);
    checkModelFits(parameterCount(config), device.info);
    return { model: new Transformer(device, config, random), origin: undefined };
  }
  const { maxPositions, from: _, ...training } = settings;
  onPhase?.({ phase: 'weights' });
  const { model, origin } = await loadPretrained(device, folder, {
    training,
    onProgress: ({ loadedBytes, totalBytes }) =>
      onPhase?.({ phase: 'weights', done: loadedBytes, total: totalBytes, unit: 'bytes' }),
    ...(maxPositions === undefined ? {} : { maxPositions: maxPositions as number }),
  });
  try {
    checkFits(model.config, loaded, folder);
  } catch (error) {
    model.dispose();
    throw error;
  }
  // The tokenizer that was trained with is the one to keep.
  return { model, origin: tokenizer === undefined ? origin : { ...origin, folder: tokenizer.name } };
}

function checkFits(config: TransformerConfig, { task, tokenizer }: LoadedTask, folder: string): void {
  const { vocabularySize, maxPositions, positions } = config;
  if (tokenizer !== undefined) checkTokenizerFits(tokenizer, vocabularySize, folder);
  else if (task.vocabularySize > vocabularySize) {
    throw new RecipeError(
      `model.from: ${folder} has ${vocabularySize} embeddings, the task needs ${task.vocabularySize}.`,
    );
  }
  if (positions !== 'none' && task.maxTime > maxPositions) {
    const setting = task.name === 'corpus' ? 'task.time' : 'task.maxTime';
    throw new RecipeError(
      `${setting}: sequences of up to ${task.maxTime} tokens exceed the context of ${folder}, ${maxPositions} positions. Use at most ${maxPositions}.`,
    );
  }
}
