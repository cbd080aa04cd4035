import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SAMPLES_PICTURE } from '../comparison/image-measures.js';
import { type ImageVariantSummary, imageMeasuresOf, runsOf } from '../comparison/image-summary.js';
import type { FinishedRun, FinishedStudy } from '../comparison/kind.js';
import type { BudgetSummary, DatasetSummary } from '../comparison/loss-summary.js';
import type { RegisterView } from '../images/register-view.js';
import { html, type Markup } from './escape.js';
import { drawEachRegister } from './register-drawing.js';
import { figure } from './sections.js';

type Data = DatasetSummary<ImageVariantSummary>;
type Budget = BudgetSummary<ImageVariantSummary>;

/** The first run of each variant. */
const firstRuns = (finished: FinishedStudy, { dataset }: Data, { budget, variants }: Budget) =>
  variants.flatMap(({ variant, title }) => {
    const [run] = runsOf(finished, dataset, budget, variant);
    return run === undefined ? [] : [{ title, run }];
  });

/** The picture of samples of a run, where images were drawn. */
export function samplesPath({ out }: FinishedStudy, { run }: FinishedRun): string | undefined {
  const path = join(out, run.folder, SAMPLES_PICTURE);
  return existsSync(path) ? path : undefined;
}

function samplesOf(path: string): Markup {
  const url = `data:image/png;base64,${readFileSync(path).toString('base64')}`;
  return html`<img src="${url}" alt="samples, a column for each class" class="samples">`;
}

/** The drawing of what the registers of a run see, where it has any. */
export const viewOf = (run: FinishedRun): RegisterView | undefined => {
  const view = imageMeasuresOf(run)?.view;
  return view && view.looks.length > 0 ? view : undefined;
};

const VIEW_NOTE =
  'The register stands behind the token with the blue border, the last that it sees; what it does not see is faded. Circles have the size of its attention, a mean over layers and heads. Its likeliest guess stands in the place of its target, with a red border, and again below with its probability, beside the truth.';

/** Samples of each variant side by side, and what registers see and predict. */
export function imageSection(finished: FinishedStudy, data: Data, budget: Budget): Markup {
  const runs = firstRuns(finished, data, budget);
  const samples = runs.flatMap(({ title, run }) => {
    const path = samplesPath(finished, run);
    return path === undefined ? [] : [figure(title, samplesOf(path))];
  });
  const views = runs.flatMap(({ title, run }) => {
    const view = viewOf(run);
    return view === undefined
      ? []
      : [figure(title, html`<div class="looks">${drawEachRegister(view)}</div>`)];
  });
  const [any] = runs;
  const seed = any === undefined ? '' : `, seed ${any.run.run.seed}`;
  return html`${samples.length === 0 ? '' : html`<h4>Samples of each class${seed}</h4><div class="plots">${samples}</div>`}
${views.length === 0 ? '' : html`<details open><summary>What registers see and predict${seed}</summary><p class="soft">${VIEW_NOTE}</p>${views}</details>`}`;
}
