import { measureTestLoss, measureText, parseTextMeasures, type Recipe } from '@foretoken/train';
import { UsageError } from '../errors.js';
import { textPage } from '../report/text-page.js';
import { textPictures } from '../report/text-pictures.js';
import type { ComparisonKind } from './kind.js';
import { summarizeText, textTable } from './text-summary.js';

/** @throws UsageError for a recipe without text to measure on */
function checkTestText({ name, task }: Recipe): void {
  const { files, testShare } = task as { files?: { test?: unknown } | null; testShare?: number };
  if (files?.test !== undefined || (testShare ?? 0) > 0) return;
  throw new UsageError(
    `compare: ${name} has no test text, which running text is compared on. Give task.files.test, or a task.testShare above 0.`,
  );
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
  async conclude(finished) {
    const summary = summarizeText(finished);
    return {
      summary,
      table: textTable(summary),
      notes: [
        'Losses are means per token in nats on test text, which neither training nor any choice has seen; registers and heads are removed from the next-token loss. [..] are 95% intervals over seeds, differences are paired by seed.',
      ],
      page: await textPage(finished, summary),
      pictures: await textPictures(finished, summary),
    };
  },
};
