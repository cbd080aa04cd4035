import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ImageMeasureSettings,
  type LossMeasures,
  measureOffsets,
  type Session,
  writeAtomic,
} from '@foretoken/train';
import { Classifier } from '../images/classifier.js';
import { type ImageRun, imageRunOf } from '../images/image-run.js';
import { judgeSamples, type SampleFigures } from '../images/judge.js';
import { pictureGrid } from '../images/picture-grid.js';
import { type RegisterView, registerView } from '../images/register-view.js';
import { imageTokenLosses } from '../images/token-losses.js';
import { meanOf } from '../statistics.js';
import { placesOf } from './image-preparation.js';
import type { MeasuredPlace } from './kind.js';

/** What a trained image transformer is worth. */
export interface ImageMeasures extends LossMeasures {
  /** Null without a classifier. */
  readonly samples: SampleFigures | null;
  /** Null where the objective has no registers. */
  readonly view: RegisterView | null;
}

/** The picture of samples in the folder of a run: a column for each class. */
export const SAMPLES_PICTURE = 'samples.png';

/** Images at a time where images are drawn. */
const BATCH = 128;
/** The same draws for every run. */
const SEED = 0;

async function judge(
  run: ImageRun,
  { samples, guidance, temperature, topK, shownOfEach }: ImageMeasureSettings,
  classifierFolder: string,
  folder: string,
): Promise<SampleFigures> {
  const classifier = await Classifier.open(run.session.device, classifierFolder);
  try {
    const options = {
      guidance,
      temperature,
      seed: SEED,
      batch: BATCH,
      ...(topK === undefined ? {} : { topK }),
    };
    const { figures, pixels } = await judgeSamples(classifier, run, samples, options);
    const { classes } = run.task;
    const { image } = run.tokenizer.config;
    const shown = Math.min(samples, classes * shownOfEach) * image.channels * image.height * image.width;
    const columns = Math.max(1, classes);
    writeAtomic(join(folder, SAMPLES_PICTURE), pictureGrid(pixels.subarray(0, shown), image, { columns }));
    return figures;
  } finally {
    classifier.dispose();
  }
}

/** Mean next-token loss on test images, in nats per image token. */
async function testLossOf({ work, task }: ImageRun, { testImages }: ImageMeasureSettings): Promise<number> {
  const there = task.exampleCount('test');
  return meanOf([...(await imageTokenLosses(work.model, task, Math.min(there, testImages ?? there)))]);
}

/** Measures a trained image transformer, and draws samples beside it. */
export async function measureImages(
  session: Session,
  settings: ImageMeasureSettings,
  { folder, out, dataset }: MeasuredPlace,
): Promise<ImageMeasures> {
  const run = await imageRunOf(session);
  try {
    const { task, work } = run;
    const { model, objective } = work;
    const offsets = await measureOffsets(model, objective, task, {
      split: 'test',
      count: Math.min(task.exampleCount('test'), settings.offsetImages),
      batch: session.recipe.batch / session.recipe.optimizer.accumulate,
    });
    const prepared = placesOf(out, dataset).classifier;
    const classifier = settings.classifier ?? (existsSync(prepared) ? prepared : undefined);
    const judged = classifier !== undefined && settings.samples > 0;
    return {
      testLoss: await testLossOf(run, settings),
      offsets,
      drafts: null,
      repetition: null,
      samples: judged ? await judge(run, settings, classifier, folder) : null,
      view: (await registerView(run, settings.viewedImage)) ?? null,
    };
  } finally {
    run.dispose();
  }
}

/** Mean test loss of the model that runs begin with, in nats per image token. */
export async function measureUntrainedImages(
  session: Session,
  settings: ImageMeasureSettings,
): Promise<number> {
  const run = await imageRunOf(session);
  try {
    return await testLossOf(run, settings);
  } finally {
    run.dispose();
  }
}
