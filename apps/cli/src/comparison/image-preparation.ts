import { join } from 'node:path';
import { loadImages } from '@foretoken/data/node';
import {
  type ImagePreparation,
  merge,
  parseImagePreparation,
  parseRecipe,
  type Recipe,
  recipeOfTask,
  type Study,
  type StudyDataset,
  toJson,
  train,
  writeAtomic,
} from '@foretoken/train';
import { UsageError } from '../errors.js';
import { fitCodebook } from '../images/fit-codebook.js';
import { makeTokens } from '../images/make-tokens.js';
import { Progress } from '../progress.js';
import type { Preparing } from './kind.js';
import { readJson } from './study-folder.js';

/** Where the files of a data set lie in the folder of a study. */
export const placesOf = (out: string, dataset: string) => ({
  tokens: join(out, dataset, 'tokens'),
  classifier: join(out, dataset, 'classifier'),
});

/** Written last, so that where it is everything is. */
const MADE = 'made.json';

/** @throws UsageError when the folder holds tokens that were made otherwise */
function isMade(folder: string, settings: object): boolean {
  const made = readJson<{ readonly settings: unknown }>(join(folder, MADE));
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
  say(`${images}: learning a codebook of ${codes} patches.`);
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
  { openDevice, signal, command, commit }: Preparing,
): Promise<void> {
  const recipe = classifierRecipe(preparation);
  const label = `${preparation.images} classifier`;
  let progress: Progress | undefined;
  try {
    const run = {
      device: await openDevice(),
      recipe,
      objective: recipe.objective ?? 'classify',
      seed: 0,
      folder,
    };
    for await (const event of train({ ...run, command, signal, ...(commit ? { commit } : {}) })) {
      progress ??= new Progress([{ label, steps: recipe.steps }]);
      progress.update(0, event);
    }
  } finally {
    progress?.end();
  }
}

/** Makes what the data of a study asks for, where it has not been made, and gives the study the files. */
export async function prepareImages(study: Study, preparing: Preparing): Promise<Study> {
  const datasets: StudyDataset[] = [];
  for (const dataset of study.datasets) {
    const { name, prepare, set } = dataset;
    if (prepare === undefined) {
      datasets.push(dataset);
      continue;
    }
    const settings = parseImagePreparation(prepare, name);
    const { tokens, classifier } = placesOf(preparing.out, name);
    await prepareTokens(tokens, settings, preparing);
    await trainClassifier(classifier, settings, preparing);
    preparing.signal.throwIfAborted();
    const files = { train: join(tokens, 'train.safetensors'), test: join(tokens, 'test.safetensors') };
    datasets.push({ ...dataset, set: merge(set, { task: { files } }) as Record<string, unknown> });
  }
  return { ...study, datasets };
}
