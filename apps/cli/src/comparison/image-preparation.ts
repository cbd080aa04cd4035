import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadImages } from '@foretoken/data/node';
import {
  type ImagePreparation,
  merge,
  parseImagePreparation,
  parseRecipe,
  type Recipe,
  RunFolder,
  recipeOfTask,
  type StartEvent,
  type Study,
  toJson,
  train,
  writeAtomic,
} from '@foretoken/train';
import { UsageError } from '../errors.js';
import { formatCount } from '../format.js';
import { fitCodebook } from '../images/fit-codebook.js';
import { makeTokens } from '../images/make-tokens.js';
import type { Preparing } from './kind.js';
import { readStored, storedMade } from './stored.js';

/** Where the files of a data set lie in the folder of a study. */
export const placesOf = (out: string, dataset: string) => ({
  tokens: join(out, dataset, 'tokens'),
  classifier: join(out, dataset, 'classifier'),
});

/** Written last, so that where it is everything is. */
const MADE = 'made.json';

/** @throws UsageError when the folder holds tokens that were made otherwise */
function isMade(folder: string, settings: object): boolean {
  const advice = `Put it back, or remove ${folder}: the tokens are made again.`;
  const made = readStored(join(folder, MADE), storedMade, advice);
  if (made === undefined) return false;
  const [found, wanted] = [JSON.stringify(made.settings), JSON.stringify(settings)];
  if (found === wanted) return true;
  throw new UsageError(
    `${folder} holds tokens made with ${found}, not with ${wanted}. Choose another --out, or remove the folder.`,
  );
}

async function prepareTokens(
  folder: string,
  { images, data, patch, codes, rounds, codebookImages, seed }: ImagePreparation,
  { openDevice, say }: Preparing,
): Promise<void> {
  const settings = { images, patch, codes, rounds, codebookImages, seed };
  if (isMade(folder, settings)) return;
  say(`${images}: learning a codebook of ${codes} patches, ${rounds} rounds at most.`);
  const device = await openDevice();
  const loaded = loadImages(images, data ?? null);
  const tokenizer = await fitCodebook(device, loaded.train, {
    patch,
    codes,
    rounds,
    images: codebookImages,
    seed,
    onRound: () => {},
  });
  try {
    const made = await makeTokens(tokenizer, loaded, folder);
    writeAtomic(join(folder, MADE), toJson({ settings, ...made }));
  } finally {
    tokenizer.dispose();
  }
}

/** The recipe of the classifier that judges what is drawn: the one that ships for the data set. */
function classifierRecipe({ images, data, classifier }: ImagePreparation): Recipe {
  const place = data === undefined ? {} : { task: { data } };
  return parseRecipe(
    [place, classifier].reduce(merge, recipeOfTask(images) as object as Record<string, unknown>),
  );
}

async function trainClassifier(
  folder: string,
  preparation: ImagePreparation,
  { openDevice, say, progress, signal, command, commit }: Preparing,
): Promise<void> {
  const recipe = classifierRecipe(preparation);
  const isTrained = new RunFolder(folder).summary() !== undefined;
  const run = {
    device: await openDevice(),
    recipe,
    objective: recipe.objective ?? 'classify',
    seed: 0,
    folder,
  };
  const line = isTrained
    ? undefined
    : progress.add({ label: classifierLabel(preparation), steps: recipe.steps });
  for await (const event of train({ ...run, command, signal, ...(commit ? { commit } : {}) })) {
    if (line === undefined) continue;
    if (event.type === 'start') say(classifierText(preparation, event));
    progress.update(line, event);
  }
}

const classifierLabel = ({ images }: ImagePreparation): string => `${images} classifier`;

function classifierText(
  preparation: ImagePreparation,
  { steps, parameters, flopsPerStep }: StartEvent,
): string {
  return `${classifierLabel(preparation)}: trained first, to judge what runs draw; ${steps.toLocaleString('en')} steps at most, ${parameters.toLocaleString('en')} parameters, ${formatCount(steps * flopsPerStep)} training FLOPs. It counts as a run.`;
}

/** What is still to be made for the data of a study, a line for each data set. */
export function preparationsOf(study: Study, out: string): string[] {
  return study.datasets.flatMap(({ name, title, prepare }) => {
    if (prepare === undefined) return [];
    const settings = parseImagePreparation(prepare, name);
    const { tokens, classifier } = placesOf(out, name);
    const steps = classifierRecipe(settings).steps?.toLocaleString('en') ?? 'some';
    const made = [
      ...(existsSync(join(tokens, MADE)) ? [] : [`learns a codebook of ${settings.codes} patches`]),
      ...(new RunFolder(classifier).summary() === undefined
        ? [`trains a classifier that judges what runs draw (${steps} steps at most; it counts as a run)`]
        : []),
    ];
    return made.length === 0 ? [] : [`${title}: first ${made.join(', and ')}.`];
  });
}

/** The study with the files that were made of its data. */
export const withTokenFiles = (study: Study, out: string): Study => ({
  ...study,
  datasets: study.datasets.map((dataset) => {
    if (dataset.prepare === undefined) return dataset;
    const { tokens } = placesOf(out, dataset.name);
    const files = { train: join(tokens, 'train.safetensors'), test: join(tokens, 'test.safetensors') };
    return { ...dataset, set: merge(dataset.set, { task: { files } }) as Record<string, unknown> };
  }),
});

/** Makes what the data of a study asks for, where it has not been made, and gives the study the files. */
export async function prepareImages(study: Study, preparing: Preparing): Promise<Study> {
  for (const { name, prepare } of study.datasets) {
    if (prepare === undefined) continue;
    const settings = parseImagePreparation(prepare, name);
    const { tokens, classifier } = placesOf(preparing.out, name);
    await prepareTokens(tokens, settings, preparing);
    await trainClassifier(classifier, settings, preparing);
    preparing.signal.throwIfAborted();
  }
  return withTokenFiles(study, preparing.out);
}
