import { measureTestLoss, measureText, parseTextMeasures, type Recipe, type Study } from '@foretoken/train';
import { UsageError } from '../errors.js';
import { lossPage } from '../report/loss-page.js';
import { lossPictures } from '../report/loss-pictures.js';
import type { ComparisonKind, Conclusion, FinishedStudy } from './kind.js';
import { type LossStudySummary, lossTable, summarizeLosses } from './loss-summary.js';

/** @throws UsageError for a recipe without text to measure on */
function checkTestText({ name, task }: Recipe): void {
  const { files, testShare } = task as { files?: { test?: unknown } | null; testShare?: number };
  if (files?.test !== undefined || (testShare ?? 0) > 0) return;
  throw new UsageError(
    `compare: ${name} has no test text, which running text is compared on. Give task.files.test, or a task.testShare above 0.`,
  );
}

const NOTES = [
  'Losses are means per token in nats on the test text. Training does not see it, no choice is made on it, and every run reads it once, at its end; learning curves are of the validation text.',
  'The test loss is that of the next token, with the model alone: registers and heads are removed.',
  'The loss at an offset is that of what the objective has for this distance: of MuToR the registers, at all places, of multi-token prediction the heads. Both are scored on the same targets.',
  'Drafts: test text is continued greedily, registers or heads guess the tokens at offsets 2 and on, and the model accepts those that it would have written itself. A draft only counts as accepted when those before it are. Text that repeats itself is easy to draft: the share of stretches of four tokens that have occurred before in the same continuation stands beside.',
];

/** Why the loss of a register at distance 1 is not the test loss. */
function offsetNote(measure: Study['measure']): string {
  const { offsetExamples, testExamples } = parseTextMeasures(measure);
  const all = testExamples === undefined ? 'all test examples' : `up to ${testExamples} test examples`;
  return `Of what looks ahead, on up to ${offsetExamples} test examples; the test loss of the table is of the model alone, on ${all}. At distance 1 a register guesses from a position of its own what the model says there itself, so its loss is another one; the first head is the output of the model.`;
}

/** Losses on test text, near and far, and the drafts that are accepted. */
export const runningText: ComparisonKind = {
  taskKinds: ['corpus'],
  check(recipe, settings) {
    checkTestText(recipe);
    parseTextMeasures(settings);
  },
  measureStart: (session, settings) => measureTestLoss(session, parseTextMeasures(settings)),
  measure: (session, settings) => measureText(session, parseTextMeasures(settings)),
  conclude: (finished) => conclusionOf(finished, summarizeLosses(finished)),
  restate: (finished, summary) => conclusionOf(finished, summary),
};

async function conclusionOf(finished: FinishedStudy, summary: LossStudySummary): Promise<Conclusion> {
  const parts = { notes: NOTES, offsetNote: offsetNote(finished.study.measure) };
  return {
    summary,
    table: lossTable(summary),
    notes: [
      'Losses are means per token in nats on test text, which neither training nor any choice has seen; registers and heads are removed from the next-token loss. [..] are 95% intervals over seeds, differences are paired by seed.',
    ],
    page: await lossPage(finished, summary, parts),
    pictures: await lossPictures(finished, summary),
  };
}
