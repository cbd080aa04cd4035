import { existsSync } from 'node:fs';
import { typedSeparator, typedText } from '@foretoken/data';
import { findData, findImageDataSet, howToGetData, imageFiles } from '@foretoken/data/node';
import { type Device, openDevice } from '@foretoken/tensor';
import { makeFolder, packageVersions, toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { commandLine } from '../command-line.js';
import { currentCommit } from '../commit.js';
import { UsageError } from '../errors.js';
import { choicesOf } from '../evaluate/choices.js';
import { Countdown } from '../evaluate/countdown.js';
import { dataFiles, identityOf, readFirst, type SplitName, shotFiles } from '../evaluate/data.js';
import { DOCUMENT_SEPARATOR, evaluateFlags } from '../evaluate/flags.js';
import { imagesOf } from '../evaluate/images.js';
import type { OnProgress, Outcome } from '../evaluate/outcome.js';
import { perplexityOf, readDocuments } from '../evaluate/perplexity.js';
import { answersOf } from '../evaluate/questions.js';
import { type NamedOutcome, resultsOf, resultsTable, writeResults } from '../evaluate/results.js';
import { type EvaluationTask, type EvaluationTaskName, evaluationTasks } from '../evaluate/tasks.js';
import { findModel, type ModelRequest, type ModelSource } from '../models/model-source.js';
import { openModel, type TextModel } from '../models/open-model.js';
import { tell } from '../output.js';
import { writeConfusions } from '../report/confusion.js';

interface Flags {
  readonly model: readonly string[];
  readonly adapter?: readonly string[];
  readonly task: EvaluationTaskName;
  readonly data?: string;
  readonly split: SplitName;
  readonly tokenizer?: string;
  readonly limit?: number;
  readonly batch?: number;
  readonly column?: string;
  readonly separator?: string;
  readonly window?: number;
  readonly stride?: number;
  readonly endToken?: boolean;
  readonly shots?: number;
  readonly shotsData?: string;
  readonly maxTokens?: number;
  readonly stop?: readonly string[];
  readonly bidirectionalPrefix?: boolean;
  readonly seed: number;
  readonly resamples: number;
  readonly out?: string;
  readonly json: boolean;
}

/** Flags of language models. */
const TEXT_FLAGS = ['adapter', 'tokenizer'] as const;

/** Flags that only some kinds of task have. */
const FLAGS_OF: Readonly<Record<EvaluationTask['kind'], readonly (keyof Flags)[]>> = {
  perplexity: [...TEXT_FLAGS, 'column', 'separator', 'window', 'stride', 'endToken'],
  questions: [...TEXT_FLAGS, 'shots', 'shotsData', 'maxTokens', 'stop', 'bidirectionalPrefix'],
  choices: [...TEXT_FLAGS, 'shots', 'shotsData'],
  images: [],
};

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function checkFlags(flags: Flags): void {
  const { kind } = evaluationTasks[flags.task];
  const strange = Object.values(FLAGS_OF)
    .flat()
    .find((flag) => flags[flag] !== undefined && !FLAGS_OF[kind].includes(flag));
  if (strange !== undefined) {
    const others = FLAGS_OF[kind].map((flag) => `--${kebab(flag)}`).join(', ') || 'no such flag';
    throw new UsageError(`--${kebab(strange)}: ${flags.task} does not take it; it takes ${others}.`);
  }
  for (const flag of ['model', 'adapter'] as const) {
    const names = flags[flag] ?? [];
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) throw new UsageError(`--${flag} ${twice}: given twice.`);
  }
  if (flags.adapter !== undefined && flags.model.length > 1) {
    throw new UsageError(
      `--adapter goes with one --model, there are ${flags.model.length}. A folder of adapters may also be a --model itself: its adapter_config.json names the base.`,
    );
  }
  if (flags.shotsData !== undefined && flags.shots === undefined) {
    throw new UsageError('--shots-data: say how many of them to show, with --shots.');
  }
}

type Evaluate = (device: Device, source: ModelSource, onProgress: OnProgress) => Promise<Outcome>;

interface Prepared {
  readonly evaluate: Evaluate;
  /** Files that were read. */
  readonly files: readonly string[];
}

/** Opens a language model for what is to be done with it, and frees it afterwards. */
const withModel =
  (work: (model: TextModel, onProgress: OnProgress) => Promise<Outcome>): Evaluate =>
  async (device, source, onProgress) => {
    const opened = await openModel(device, source);
    try {
      return await work(opened, onProgress);
    } finally {
      opened.model.dispose();
    }
  };

function requireData({ data, task }: Flags): string {
  if (data !== undefined) return data;
  // A data set of the name of the task, where the data folder has one.
  if (task !== 'perplexity' && existsSync(findData(task))) return task;
  throw new UsageError(
    `--data: ${task} needs a file, or a folder with a file for each split.${task === 'perplexity' ? '' : howToGetData(task)}`,
  );
}

/** Finds the data, and reads it once for all models; images are made ready for each. */
async function prepare(flags: Flags): Promise<Prepared> {
  const task = evaluationTasks[flags.task];
  const { limit, batch, window, stride, endToken = false, split } = flags;
  if (task.kind === 'images') {
    const { data } = flags;
    const options = data === undefined ? {} : { data };
    return {
      files: imageFiles(findImageDataSet(task.dataSet), options),
      evaluate: (device, { folder }, onProgress) =>
        imagesOf(device, folder, task, { data, split, limit, batch }, onProgress),
    };
  }
  const data = requireData(flags);
  const files = dataFiles(data, split);
  if (task.kind === 'perplexity') {
    const { column = 'text', separator = DOCUMENT_SEPARATOR } = flags;
    const settings = { column, separator: typedSeparator(separator, '--separator') };
    const texts = await readDocuments(files, settings, limit);
    return {
      files,
      evaluate: withModel((model, onProgress) =>
        perplexityOf(model, texts, { window, stride, batch, endToken }, onProgress),
      ),
    };
  }
  const { shots = 0, shotsData, maxTokens, stop, bidirectionalPrefix = false } = flags;
  const shown = shots === 0 ? [] : shotFiles(shotsData, data, split);
  const questions = { records: await readFirst(files, limit), shots: await readFirst(shown, shots) };
  if (questions.shots.length < shots) {
    throw new UsageError(
      `--shots ${shots}: ${shown.join(', ')} holds ${questions.shots.length} examples. Ask for fewer.`,
    );
  }
  const stopTexts = stop?.map(typedText);
  return {
    files: [...files, ...shown],
    evaluate: withModel((model, onProgress) =>
      task.kind === 'choices'
        ? choicesOf(model, task, questions, { batch }, onProgress)
        : answersOf(model, task, questions, { batch, maxTokens, stopTexts, bidirectionalPrefix }, onProgress),
    ),
  };
}

/** What is evaluated: each model, or one of them with each of the adapters. */
function requests({ model, adapter, tokenizer }: Flags): ModelRequest[] {
  const [base] = model as [string, ...string[]];
  return adapter === undefined
    ? model.map((name) => ({ name, tokenizer }))
    : adapter.map((each) => ({ name: base, adapter: each, tokenizer }));
}

/** One model after the other, so that the memory of one is enough. */
async function evaluateAll(device: Device, flags: Flags, evaluate: Evaluate): Promise<NamedOutcome[]> {
  const outcomes: NamedOutcome[] = [];
  // All are found before the first is evaluated, which may take long.
  const sources = await Promise.all(requests(flags).map(findModel));
  for (const source of sources) {
    const { label } = source;
    const outcome = await evaluate(device, source, new Countdown(label).update);
    for (const note of outcome.notes) tell(`${label}: ${note}.`);
    outcomes.push({ model: label, outcome });
  }
  return outcomes;
}

/** All that is needed to do it again, as far as it is the same for all models. */
async function recordOf(device: Device, flags: Flags, files: readonly string[]): Promise<object> {
  const { json: _json, out: _out, ...settings } = flags;
  return {
    command: commandLine(),
    commit: currentCommit() ?? null,
    versions: packageVersions(),
    adapter: { name: device.info.name, software: device.info.software },
    settings,
    data: await Promise.all(files.map(identityOf)),
  };
}

async function evaluateModels(this: void, flags: Flags): Promise<void> {
  checkFlags(flags);
  // A folder that cannot be written is told before the work, not behind it.
  if (flags.out !== undefined) makeFolder(flags.out);
  const { evaluate, files } = await prepare(flags);
  const { task, seed, resamples } = flags;
  // Without what was measured on this machine before: other kernels would round differently.
  const device = await openDevice();
  try {
    const outcomes = await evaluateAll(device, flags, evaluate);
    const results = resultsOf(task, outcomes, { seed, resamples });
    if (flags.out !== undefined) {
      const record = await recordOf(device, flags, files);
      writeResults(flags.out, { task, ...record, models: results }, outcomes);
      await writeConfusions(flags.out, outcomes, tell);
    }
    const figures = outcomes[0]?.outcome.figures ?? [];
    if (flags.json) process.stdout.write(toJson(results.length === 1 ? results[0] : results));
    else process.stdout.write(`${resultsTable(results, figures)}\n`);
  } finally {
    device.close();
  }
}

export const evaluateCommand = buildCommand<Flags>({
  func: evaluateModels,
  docs: {
    brief: 'Perplexity, exact match, ROUGE or accuracy of checkpoints, compared with intervals',
    fullDescription:
      'Registers and further heads play no part: what is evaluated is the model. Several --model are compared on the same questions or documents. docs/evaluation.md has the rules.',
  },
  parameters: {
    flags: evaluateFlags,
  },
});
