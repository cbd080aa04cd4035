import {
  corpusConfigSchema,
  ImageTokenTask,
  imageTokensConfigSchema,
  parseCorpusConfig,
  parseImageTokensConfig,
  parseStarGraphConfig,
  parseTextConfig,
  type SequenceTask,
  StarGraphTask,
  starGraphConfigSchema,
  type TextTokenizer,
  textConfigSchema,
} from '@foretoken/data';
import { loadCorpusTask, loadTextTask } from '@foretoken/data/node';
import { attentionOnlyConfig, imageGptConfig, llamaConfig } from '@foretoken/models';
import { RecipeError } from './errors.js';
import { readImageTokenFiles } from './image-token-file.js';
import { nearest } from './nearest.js';

type Settings = Readonly<Record<string, unknown>>;

/** A task, and the tokenizer where it is one of text. */
export interface LoadedTask {
  readonly task: SequenceTask;
  readonly tokenizer?: TextTokenizer;
  /** What became of the data, a line for each split. */
  readonly reports: readonly string[];
}

/** A kind of task that a recipe can name in `task.kind`. */
export interface TaskKind {
  readonly name: string;
  /** The model that is made where the recipe names none. */
  readonly defaultModel: string;
  /** Settings that can be given as `task.NAME`. */
  readonly keys: readonly string[];
  /** Whether a tokenizer makes its tokens. */
  readonly isText: boolean;
  /** @throws TaskConfigError with all that is wrong */
  check(settings: Settings): void;
  /**
   * @param tokenizerFolder - where the tokenizer is when the settings do not say
   * @throws DataError in one line
   */
  load(settings: Settings, seed: number, tokenizerFolder: string | undefined): Promise<LoadedTask>;
}

/** What a person may set: the order of the examples follows the seed of the run. */
const settable = (names: readonly string[]): string[] => names.filter((name) => name !== 'seed');

const keysOfFiles = (names: readonly string[]): string[] =>
  settable(names).flatMap((name) =>
    name === 'files' ? ['files.train', 'files.validation', 'files.test'] : [name],
  );

const withTokenizer = (settings: Settings, folder: string | undefined): Settings =>
  settings['tokenizer'] === undefined && folder !== undefined ? { ...settings, tokenizer: folder } : settings;

const starGraph: TaskKind = {
  name: 'star-graph',
  defaultModel: 'attentionOnly',
  keys: settable(Object.keys(starGraphConfigSchema.shape)),
  isText: false,
  check: (settings) => void parseStarGraphConfig(settings as Parameters<typeof parseStarGraphConfig>[0]),
  load: async (settings, seed) => ({
    task: new StarGraphTask({ ...settings, seed } as ConstructorParameters<typeof StarGraphTask>[0]),
    reports: [],
  }),
};

const text: TaskKind = {
  name: 'text',
  defaultModel: 'llama',
  keys: keysOfFiles(Object.keys(textConfigSchema.in.shape)),
  isText: true,
  check: (settings) => void parseTextConfig(settings),
  load: async (settings, seed, folder) => {
    const task = await loadTextTask({ ...withTokenizer(settings, folder), seed });
    return { task, tokenizer: task.tokenizer, reports: task.describeReports() };
  },
};

const corpus: TaskKind = {
  name: 'corpus',
  defaultModel: 'llama',
  keys: keysOfFiles(Object.keys(corpusConfigSchema.shape)),
  isText: true,
  check: (settings) => void parseCorpusConfig(settings),
  load: async (settings, seed, folder) => {
    const task = await loadCorpusTask({ ...withTokenizer(settings, folder), seed });
    return { task, tokenizer: task.tokenizer, reports: task.describeReports() };
  },
};

const imageTokens: TaskKind = {
  name: 'image-tokens',
  defaultModel: 'imageGpt',
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
export const taskKinds: readonly TaskKind[] = [starGraph, text, corpus, imageTokens];

/** How models that are made from nothing begin, by `model.preset`. */
export const MODEL_PRESETS = {
  attentionOnly: attentionOnlyConfig,
  llama: llamaConfig,
  imageGpt: imageGptConfig,
} as const;

/** @throws RecipeError naming all kinds when none has this name */
export function findTaskKind(name: unknown): TaskKind {
  const kind = taskKinds.find((each) => each.name === name);
  if (kind !== undefined) return kind;
  const names = taskKinds.map((each) => each.name);
  throw new RecipeError(
    `task.kind: there is no kind ${JSON.stringify(name)}.${nearest(String(name), names)} There are ${names.join(', ')}.`,
  );
}

/** The kind of the task of a recipe, and its settings. */
export function taskOf({ task }: { readonly task: Settings }): { kind: TaskKind; settings: Settings } {
  const { kind = 'star-graph', ...settings } = task;
  return { kind: findTaskKind(kind), settings };
}
