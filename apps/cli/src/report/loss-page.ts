import { join } from 'node:path';
import type { FinishedStudy } from '../comparison/kind.js';
import {
  type BudgetSummary,
  budgetTitle,
  type Column,
  type DatasetSummary,
  differenceText,
  farOffsets,
  type LossStudySummary,
  lossText,
  MOST_OFFSET_COLUMNS,
  relativeTime,
  type VariantSummary,
} from '../comparison/loss-summary.js';
import { formatCount, formatShare } from '../format.js';
import { html, type Markup } from './escape.js';
import { logsOf, looksOfStudy } from './loss-pictures.js';
import {
  differencePlot,
  draftPlot,
  offsetPlot,
  type Spec,
  type VariantLooks,
  validationPlot,
} from './loss-plots.js';
import { type Look, swatch } from './palette.js';
import { draw } from './plots.js';
import { readRunLog } from './run-logs.js';
import { document, figure, lossFigures, setup } from './sections.js';

const nameOf = (looks: VariantLooks, { variant, title }: VariantSummary): Markup =>
  html`<th scope="row">${swatch(looks.looks.get(variant) as Look)}${title}</th>`;

/** A figure with its interval below it. */
const stacked = (text: string): Markup => {
  const [figureText = '', interval] = text.split(' [');
  return interval === undefined
    ? html`${figureText}`
    : html`${figureText}<span class="interval">${interval.replace(']', '').replace(', ', ' to ')}</span>`;
};

/** What a kind of task has to say beyond losses. */
export interface LossPageParts<Variant extends VariantSummary> {
  /** Figures of the table, between losses and costs. */
  readonly columns?: readonly Column<Variant>[];
  /** What stands below the plots of some data within a budget. */
  readonly section?: (data: DatasetSummary<Variant>, budget: BudgetSummary<Variant>) => Markup;
  /** How to read the figures of this kind. */
  readonly notes: readonly string[];
}

/** All that a page is made from. */
interface PageOf<Variant extends VariantSummary> {
  readonly finished: FinishedStudy;
  readonly summary: LossStudySummary<Variant>;
  readonly parts: LossPageParts<Variant>;
}

function variantTable<Variant extends VariantSummary>(
  { variants }: BudgetSummary<Variant>,
  { summary, parts: { columns: all = [] } }: PageOf<Variant>,
  looks: VariantLooks,
): Markup {
  const columns = all.filter(({ cell }) => variants.some((each) => cell(each, variants) !== ''));
  const several = summary.study.seeds.length > 1;
  const far = farOffsets(summary);
  const offsets = far.length > MOST_OFFSET_COLUMNS ? [] : far;
  const first = variants[0]?.title ?? '';
  const interval = several ? html`<span class="interval">95% interval</span>` : html``;
  const rows = variants.map(
    (each) =>
      html`<tr>${nameOf(looks, each)}<td>${stacked(lossText(each.testLoss, each.seeds.length))}</td><td>${each.difference === null ? '–' : stacked(differenceText(each.difference, each.seeds.length))}</td>${offsets.map(
        (offset) => {
          const found = each.offsets.find((one) => one.offset === offset);
          return html`<td>${found === undefined ? '–' : stacked(lossText(found.loss, each.seeds.length))}</td>`;
        },
      )}${columns.map(({ cell }) => html`<td>${stacked(cell(each, variants) || '–')}</td>`)}<td>${each.trainedParameters.toLocaleString('en')}</td><td>${each.extraParameters.toLocaleString('en')}</td><td>${each.steps}</td><td>${formatCount(each.flops)}</td><td>${relativeTime(variants, each).toFixed(2)}×</td><td>${formatCount(each.tokensPerSecond)}</td></tr>`,
  );
  return html`<div class="scroll"><table><thead><tr><th>variant</th><th>test loss${interval}</th><th>less ${first}${interval}</th>${offsets.map((offset) => html`<th>loss at offset ${offset}${interval}</th>`)}${columns.map((column) => html`<th>${column.title}</th>`)}<th>trained parameters</th><th>of them extra</th><th>steps</th><th>training FLOPs</th><th>time of a step</th><th>tokens/s</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** The losses by distance, where they are too many for the table of variants. */
function offsetTable({ variants }: BudgetSummary, summary: LossStudySummary, looks: VariantLooks): Markup {
  const far = farOffsets(summary);
  if (far.length <= MOST_OFFSET_COLUMNS) return html``;
  const predicting = variants.filter(({ offsets }) => offsets.length > 0);
  const rows = predicting.map(
    (each) =>
      html`<tr>${nameOf(looks, each)}${far.map((offset) => {
        const found = each.offsets.find((one) => one.offset === offset);
        return html`<td>${found === undefined ? '–' : found.loss.mean.toFixed(3)}</td>`;
      })}</tr>`,
  );
  return html`<div class="scroll"><table><thead><tr><th>test loss</th>${far.map((offset) => html`<th>at distance ${offset}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function draftTable({ variants }: BudgetSummary, looks: VariantLooks): Markup {
  const drafting = variants.filter(({ drafts }) => drafts.length > 0);
  const [any] = drafting;
  if (any === undefined) return html``;
  const offsets = [...new Set(drafting.flatMap(({ drafts }) => drafts.map(({ offset }) => offset)))];
  const rows = drafting.map(
    (each) =>
      html`<tr>${nameOf(looks, each)}${offsets.map((offset) => {
        const found = each.drafts.find((one) => one.offset === offset);
        return html`<td>${found === undefined ? '–' : formatShare(found.acceptanceRate)}</td>`;
      })}<td>${each.tokensPerPass?.toFixed(2) ?? '–'}</td><td>${each.repetition === null ? '–' : formatShare(each.repetition)}</td><td>${each.drafts[0]?.drafted.toLocaleString('en') ?? ''}</td></tr>`,
  );
  return html`<div class="scroll"><table><thead><tr><th>drafts accepted</th>${offsets.map((offset) => html`<th>at offset ${offset}</th>`)}<th>tokens a pass</th><th>text repeated</th><th>passes</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

async function budgetSection<Variant extends VariantSummary>(
  page: PageOf<Variant>,
  data: DatasetSummary<Variant>,
  budget: BudgetSummary<Variant>,
): Promise<Markup> {
  const looks = looksOfStudy(page.summary);
  const spent = budget.budget === 'steps' ? 'step' : 'flops';
  const logs = logsOf(page.finished, data.dataset, budget);
  const plots: readonly [string, Spec][] = [
    ['Test loss against the first variant', differencePlot(budget, looks)],
    [
      `Validation loss against ${spent === 'step' ? 'steps' : 'training FLOPs'}`,
      validationPlot(logs, spent, looks),
    ],
    ['Test loss by distance to the target', offsetPlot(budget, looks)],
    ['Drafts that the model accepts', draftPlot(budget, looks)],
  ];
  const figures = await Promise.all(
    plots.flatMap(([title, spec]) =>
      spec === undefined ? [] : [draw(spec).then((drawing) => figure(title, drawing))],
    ),
  );
  const titled = (name: string): string => looks.titles.get(name) ?? name;
  const title = budgetTitle(budget.budget);
  return html`<h3>${title.charAt(0).toUpperCase() + title.slice(1)}</h3>
${variantTable(budget, page, looks)}
${offsetTable(budget, page.summary, looks)}
${draftTable(budget, looks)}
<div class="plots">${figures}</div>
${page.parts.section?.(data, budget) ?? ''}
<details><summary>Parts of the training loss</summary>${await lossFigures(logs, looks.looks, titled)}</details>`;
}

async function datasetSection<Variant extends VariantSummary>(
  page: PageOf<Variant>,
  data: DatasetSummary<Variant>,
): Promise<Markup> {
  const budgets: Markup[] = [];
  for (const budget of data.budgets) {
    if (budget.variants.length > 0) budgets.push(await budgetSection(page, data, budget));
  }
  const start =
    data.startLoss === null
      ? html``
      : html`<p>Before training the test loss is ${data.startLoss.toFixed(3)}.</p>`;
  const heading = data.title === '' ? page.summary.study.title : data.title;
  return html`<h2>${heading}</h2>${start}${budgets}`;
}

const key = (looks: VariantLooks): Markup =>
  html`<ul class="key">${[...looks.looks].map(([name, look]) => html`<li>${swatch(look)}${looks.titles.get(name) ?? name}</li>`)}</ul>`;

function notes<Variant extends VariantSummary>({ summary: { study }, parts }: PageOf<Variant>): Markup {
  const first = study.variants[0]?.title ?? '';
  const several = study.seeds.length > 1;
  const interval = several
    ? 'Intervals are 95%, by Student’s t over seeds; differences are paired: runs of one seed read the same data in the same order.'
    : 'One seed gives no interval.';
  const common = [
    interval,
    `Equal steps: all variants make as many updates on as many tokens. Equal FLOPs: as many updates as cost the training FLOPs of ${first}. FLOPs are three times those of the forward pass, so that what LoRA saves on gradients of frozen weights is not counted.`,
    `The time of a step is that of ${first} times the figure, on the adapter below.`,
  ];
  return html`<ul class="notes">${[...parts.notes, ...common].map((note) => html`<li>${note}</li>`)}</ul>`;
}

/** The report of a study that compares losses as HTML. */
export async function lossPage<Variant extends VariantSummary>(
  finished: FinishedStudy,
  summary: LossStudySummary<Variant>,
  parts: LossPageParts<Variant>,
): Promise<string> {
  const page = { finished, summary, parts };
  const { study } = summary;
  const looks = looksOfStudy(summary);
  const sections: Markup[] = [];
  const measured = summary.datasets.filter(({ budgets }) => budgets.some((each) => each.variants.length > 0));
  for (const data of measured) sections.push(await datasetSection(page, data));
  const logs = finished.runs.map(({ run }) =>
    readRunLog(join(finished.out, run.folder), run.variant, run.seed),
  );
  const { variants, datasets, seeds, budgets, measure } = study;
  return document(
    study.title,
    html`<p class="kicker">Foretoken · study ${study.name}</p>
<h1>${study.title}</h1>
<p>${study.description}</p>
<p>${finished.runs.length} runs: ${variants.length} variants, seeds ${seeds.join(', ')}, ${budgets.map(budgetTitle).join(' and ')}.</p>
${key(looks)}
${sections}
<h2>How to read this</h2>
${notes(page)}
<h2>How it was made</h2>
${setup({ ...summary, recipe: study.recipe }, logs)}
<details><summary>Variants, data and measures</summary><pre>${JSON.stringify({ variants, datasets, measure }, undefined, 2)}</pre></details>`,
  );
}
