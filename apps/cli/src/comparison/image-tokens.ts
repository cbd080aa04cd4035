import { parseImageMeasures, parseImagePreparation, type Study } from '@foretoken/train';
import { UsageError } from '../errors.js';
import { imagePictures } from '../report/image-pictures.js';
import { imageSection } from '../report/image-sections.js';
import { lossPage } from '../report/loss-page.js';
import { measureImages, measureUntrainedImages } from './image-measures.js';
import { preparationsOf, prepareImages, withTokenFiles } from './image-preparation.js';
import { type ImageStudySummary, sampleColumns, summarizeImages } from './image-summary.js';
import type { ComparisonKind, Conclusion, FinishedStudy } from './kind.js';
import { lossTable } from './loss-summary.js';

const NOTES = [
  'Losses are means in nats per image token on test images. Training does not see them, no choice is made on them, and every run reads them once, at its end; learning curves are of held-out training images.',
  'The test loss is that of the next token, with the model alone: registers and heads are removed.',
  'The loss at an offset is that of what the objective has for this distance in raster order: of MuToR the registers, at all places, of multi-token prediction the heads. On a grid a distance of one row is the width of the grid.',
  'Samples are drawn with classifier-free guidance, as many of each class. Class accuracy is the share that a small classifier of ours takes for the class that was asked for; it was trained on the same images by the recipe that ships.',
  'Fréchet distance, precision and recall compare samples with as many test images in the features of that classifier. They are no Inception features and the distance is no FID: only figures of one classifier and as many samples can be compared.',
  'Where there is one seed, intervals of samples are those of the run: Wilson for shares, resampled for the distance.',
];

/** Why the loss of a register at distance 1 is not the test loss. */
function offsetNote(measure: Study['measure']): string {
  const { offsetImages, testImages } = parseImageMeasures(measure);
  const all = testImages === undefined ? 'all test images' : `up to ${testImages} test images`;
  return `Of what looks ahead, on up to ${offsetImages} test images; the test loss of the table is of the model alone, on ${all}. At distance 1 a register guesses from a position of its own what the model says there itself, so its loss is another one; the first head is the output of the model.`;
}

/** Losses on test images, near and far, and samples in the eyes of a classifier. */
export const imageTokens: ComparisonKind = {
  taskKinds: ['image-tokens'],
  check({ name, task }, settings) {
    parseImageMeasures(settings);
    const { files } = task as { files?: { test?: unknown } | null };
    if (files?.test !== undefined) return;
    throw new UsageError(
      `compare: ${name} has no test images, which image tokens are compared on. Give task.files.test.`,
    );
  },
  checkPreparation: (settings, dataset) => void parseImagePreparation(settings, dataset),
  preparations: preparationsOf,
  prepared: withTokenFiles,
  prepare: prepareImages,
  measureStart: (session, settings) => measureUntrainedImages(session, parseImageMeasures(settings)),
  measure: (session, settings, place) => measureImages(session, parseImageMeasures(settings), place),
  conclude: (finished) => conclusionOf(finished, summarizeImages(finished)),
  restate: (finished, summary) => conclusionOf(finished, summary as ImageStudySummary),
};

async function conclusionOf(finished: FinishedStudy, summary: ImageStudySummary): Promise<Conclusion> {
  return {
    summary,
    table: lossTable(summary, sampleColumns),
    notes: [
      'Losses are means per image token in nats on test images, which neither training nor any choice has seen; registers and heads are removed. [..] are 95% intervals over seeds, differences are paired by seed.',
    ],
    page: await lossPage(finished, summary, {
      columns: sampleColumns,
      section: (data, budget) => imageSection(finished, data, budget),
      notes: NOTES,
      offsetNote: offsetNote(finished.study.measure),
    }),
    pictures: await imagePictures(finished, summary),
  };
}
