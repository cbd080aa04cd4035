import { join } from 'node:path';
import {
  corpusConfigSchema,
  ImageTokenTask,
  imageTokensConfigSchema,
  parseCorpusConfig,
  parseImageTokensConfig,
  parseStarGraphConfig,
  parseTextConfig,
  StarGraphTask,
  starGraphConfigSchema,
  textConfigSchema,
} from '@foretoken/data';
import { loadTextTask } from '@foretoken/data/node';
import { didYouMean, quote } from '@foretoken/input';
import { COMPANION_FILES } from '@foretoken/models';
import { type ObjectiveDescription, objectiveKinds } from '@foretoken/objectives';
import type { z } from 'zod';
import { corpusOf } from './corpus-cache.js';
import { RecipeError } from './errors.js';
import { imageKinds } from './image-kinds.js';
import { readImageTokenFiles } from './image-token-file.js';
import { MODEL_SETTINGS } from './model-settings.js';
import { checkModel, describeModel, MODEL_KEYS } from './model-source.js';
import type { SequenceKind } from './sequence-kind.js';
import { SequenceWork } from './sequence-work.js';
import type { SettingDescription } from './setting-descriptions.js';
import type { Workload, WorkRequest } from './workload.js';

type Settings = Readonly<Record<string, unknown>>;

/** A kind of task that a recipe can name in `task.kind`: what may be set, and how it becomes work for the trainer. */
export interface TaskKind {
  readonly name: string;
  /** Settings that can be given as `task.NAME`. */
  readonly keys: readonly string[];
  /** What these settings are. */
  readonly schema: z.ZodType;
  /** Settings that can be given as `model.NAME`. */
  readonly modelKeys: readonly string[];
  /** What those are. */
  readonly modelSettings: ReadonlyMap<string, SettingDescription>;
  /** What a model that is made from nothing is like with such settings; nothing of a pretrained one. */
  describeModel(model: Settings): Settings;
  /** Whether a tokenizer makes its tokens. */
  readonly isText: boolean;
  /** Objectives that learn from its batches. */
  readonly objectives: readonly ObjectiveDescription[];
  /** @throws TaskConfigError with all that is wrong */
  check(settings: Settings): void;
  /** @throws RecipeError for a setting that a model does not have, or a value that does not fit */
  checkModel(model: Settings): void;
  /** The data files that its settings name. @throws DataError when a folder does not hold them */
  files(settings: Settings): readonly string[];
  /**
   * Loads or makes task, model and objective.
   *
   * @throws DataError, CheckpointError or RecipeError, in one line
   */
  open(request: WorkRequest): Promise<Workload>;
}

/** A kind of sequences as the trainer sees it. */
const sequences = (kind: SequenceKind): TaskKind => ({
  name: kind.name,
  keys: kind.keys,
  schema: kind.schema,
  modelKeys: MODEL_KEYS,
  modelSettings: MODEL_SETTINGS,
  describeModel: (model) => describeModel(model, kind),
  isText: kind.isText,
  objectives: objectiveKinds,
  check: (settings) => kind.check(settings),
  checkModel: (model) => checkModel(model, kind),
  files: namedFiles,
  open: (request) => SequenceWork.open(kind, request),
});

/** Files by split, as settings of sequences name them, and those of a tokenizer of their own, whichever it has. */
function namedFiles({ files, tokenizer }: Settings): string[] {
  const data = typeof files !== 'object' || files === null ? [] : Object.values(files).flat();
  return [
    ...data,
    ...(typeof tokenizer === 'string' ? COMPANION_FILES.map((name) => join(tokenizer, name)) : []),
  ].filter((path): path is string => typeof path === 'string');
}

/** What a person may set: the order of the examples follows the seed of the run. */
const settable = (names: readonly string[]): string[] => names.filter((name) => name !== 'seed');

const keysOfFiles = (names: readonly string[]): string[] =>
  settable(names).flatMap((name) =>
    name === 'files' ? ['files.train', 'files.validation', 'files.test'] : [name],
  );

const withTokenizer = (settings: Settings, folder: string | undefined): Settings =>
  settings['tokenizer'] === undefined && folder !== undefined ? { ...settings, tokenizer: folder } : settings;

const starGraph: SequenceKind = {
  name: 'star-graph',
  defaultModel: 'attentionOnly',
  schema: starGraphConfigSchema,
  keys: settable(Object.keys(starGraphConfigSchema.shape)),
  isText: false,
  check: (settings) => void parseStarGraphConfig(settings as Parameters<typeof parseStarGraphConfig>[0]),
  load: async (settings, seed) => ({
    task: new StarGraphTask({ ...settings, seed } as ConstructorParameters<typeof StarGraphTask>[0]),
    reports: [],
  }),
};

const text: SequenceKind = {
  name: 'text',
  defaultModel: 'llama',
  schema: textConfigSchema,
  keys: keysOfFiles(Object.keys(textConfigSchema.in.shape)),
  isText: true,
  check: (settings) => void parseTextConfig(settings),
  load: async (settings, seed, folder) => {
    const task = await loadTextTask({ ...withTokenizer(settings, folder), seed });
    return { task, tokenizer: task.tokenizer, reports: task.describeReports() };
  },
};

const corpus: SequenceKind = {
  name: 'corpus',
  defaultModel: 'llama',
  schema: corpusConfigSchema,
  keys: keysOfFiles(Object.keys(corpusConfigSchema.shape)),
  isText: true,
  check: (settings) => void parseCorpusConfig(settings),
  load: async (settings, seed, folder) => {
    const task = await corpusOf(withTokenizer(settings, folder), seed);
    return { task, tokenizer: task.tokenizer, reports: task.describeReports() };
  },
};

const imageTokens: SequenceKind = {
  name: 'image-tokens',
  defaultModel: 'imageGpt',
  schema: imageTokensConfigSchema,
  keys: keysOfFiles(Object.keys(imageTokensConfigSchema.shape)),
  isText: false,
  check: (settings) => void parseImageTokensConfig(settings),
  load: async (settings, seed) => {
    const { files } = parseImageTokensConfig(settings);
    const task = new ImageTokenTask({ ...settings, seed }, await readImageTokenFiles(files));
    return { task, reports: task.describeReports() };
  },
};

/** All kinds of tasks, the default first. */
export const taskKinds: readonly TaskKind[] = [
  ...[starGraph, text, corpus, imageTokens].map(sequences),
  ...imageKinds,
];

/** @throws RecipeError naming all kinds when none has this name */
export function findTaskKind(name: unknown): TaskKind {
  const kind = taskKinds.find((each) => each.name === name);
  if (kind !== undefined) return kind;
  const names = taskKinds.map((each) => each.name);
  throw new RecipeError(
    `task.kind: there is no kind ${quote(name)}.${didYouMean(String(name), names)} There are ${names.join(', ')}.`,
  );
}

/** The kind of the task of a recipe, and its settings. */
export function taskOf({ task }: { readonly task: Settings }): { kind: TaskKind; settings: Settings } {
  const { kind = 'star-graph', ...settings } = task;
  return { kind: findTaskKind(kind), settings };
}
