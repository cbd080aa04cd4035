import { join } from 'node:path';
import type { FinishedStudy } from '../comparison/kind.js';
import {
  type BudgetSummary,
  budgetTitle,
  type DatasetSummary,
  differenceText,
  farOffsets,
  lossText,
  relativeTime,
  type TextStudySummary,
  type VariantSummary,
} from '../comparison/text-summary.js';
import { formatCount, formatShare } from '../format.js';
import { html, type Markup } from './escape.js';
import { type Look, swatch } from './palette.js';
import { draw } from './plots.js';
import { readRunLog } from './run-logs.js';
import { document, figure, lossFigures, setup } from './sections.js';
import { logsOf, looksOfStudy } from './text-pictures.js';
import {
  differencePlot,
  draftPlot,
  offsetPlot,
  type Spec,
  type VariantLooks,
  validationPlot,
} from './text-plots.js';

const nameOf = (looks: VariantLooks, { variant, title }: VariantSummary): Markup =>
  html`<th scope="row">${swatch(looks.looks.get(variant) as Look)}${title}</th>`;

/** A figure with its interval below it. */
const stacked = (text: string): Markup => {
  const [figureText = '', interval] = text.split(' [');
  return interval === undefined
    ? html`${figureText}`
    : html`${figureText}<span class="interval">${interval.replace(']', '').replace(', ', ' to ')}</span>`;
};

function variantTable({ variants }: BudgetSummary, summary: TextStudySummary, looks: VariantLooks): Markup {
  const several = summary.study.seeds.length > 1;
  const offsets = farOffsets(summary);
  const first = variants[0]?.title ?? '';
  const interval = several ? html`<span class="interval">95% interval</span>` : html``;
  const rows = variants.map(
    (each) =>
      html`<tr>${nameOf(looks, each)}<td>${stacked(lossText(each.testLoss, each.seeds.length))}</td><td>${each.difference === null ? '–' : stacked(differenceText(each.difference, each.seeds.length))}</td>${offsets.map(
        (offset) => {
          const found = each.offsets.find((one) => one.offset === offset);
          return html`<td>${found === undefined ? '–' : stacked(lossText(found.loss, each.seeds.length))}</td>`;
        },
      )}<td>${each.trainedParameters.toLocaleString('en')}</td><td>${each.extraParameters.toLocaleString('en')}</td><td>${each.steps}</td><td>${formatCount(each.flops)}</td><td>${relativeTime(variants, each).toFixed(2)}×</td><td>${formatCount(each.tokensPerSecond)}</td></tr>`,
  );
  return html`<div class="scroll"><table><thead><tr><th>variant</th><th>test loss${interval}</th><th>less ${first}${interval}</th>${offsets.map((offset) => html`<th>loss at offset ${offset}${interval}</th>`)}<th>trained parameters</th><th>of them extra</th><th>steps</th><th>training FLOPs</th><th>time of a step</th><th>tokens/s</th></tr></thead><tbody>${rows}</tbody></table></div>`;
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

const drawn = async (spec: Spec): Promise<Markup | undefined> =>
  spec === undefined ? undefined : draw(spec);

async function budgetSection(
  finished: FinishedStudy,
  summary: TextStudySummary,
  { dataset }: DatasetSummary,
  budget: BudgetSummary,
): Promise<Markup> {
  const looks = looksOfStudy(summary);
  const spent = budget.budget === 'steps' ? 'step' : 'flops';
  const logs = logsOf(finished, dataset, budget);
  const plots: readonly [string, Spec][] = [
    ['Test loss against the first variant', differencePlot(budget, looks)],
    [
      `Validation loss against ${spent === 'step' ? 'steps' : 'training FLOPs'}`,
      validationPlot(logs, spent, looks),
    ],
    ['Test loss by distance to the target', offsetPlot(budget, looks)],
    ['Drafts that the model accepts', draftPlot(budget, looks)],
  ];
  const figures = await Promise.all(plots.map(async ([title, spec]) => figure(title, await drawn(spec))));
  const titled = (name: string): string => looks.titles.get(name) ?? name;
  const title = budgetTitle(budget.budget);
  return html`<h3>${title.charAt(0).toUpperCase() + title.slice(1)}</h3>
${variantTable(budget, summary, looks)}
${draftTable(budget, looks)}
<div class="plots">${figures}</div>
<details><summary>Parts of the training loss</summary>${await lossFigures(logs, looks.looks, titled)}</details>`;
}

async function datasetSection(
  finished: FinishedStudy,
  summary: TextStudySummary,
  data: DatasetSummary,
): Promise<Markup> {
  const budgets: Markup[] = [];
  for (const budget of data.budgets) budgets.push(await budgetSection(finished, summary, data, budget));
  const start =
    data.startLoss === null
      ? html``
      : html`<p>Before training the test loss is ${data.startLoss.toFixed(3)}.</p>`;
  const heading = data.title === '' ? summary.study.title : data.title;
  return html`<h2>${heading}</h2>${start}${budgets}`;
}

const key = (looks: VariantLooks): Markup =>
  html`<ul class="key">${[...looks.looks].map(([name, look]) => html`<li>${swatch(look)}${looks.titles.get(name) ?? name}</li>`)}</ul>`;

function notes({ study }: TextStudySummary): Markup {
  const first = study.variants[0]?.title ?? '';
  const several = study.seeds.length > 1;
  const interval = several
    ? 'Intervals are 95%, by Student’s t over seeds; differences are paired: runs of one seed read the same text in the same order.'
    : 'One seed gives no interval.';
  return html`<ul class="notes">
<li>Losses are means per token in nats on the test text. Training does not see it, no choice is made on it, and every run reads it once, at its end; learning curves are of the validation text.</li>
<li>The test loss is that of the next token, with the model alone: registers and heads are removed.</li>
<li>The loss at an offset is that of what the objective has for this distance: of MuToR the registers, at all places, of multi-token prediction the heads. Both are scored on the same targets.</li>
<li>${interval}</li>
<li>Equal steps: all variants make as many updates on as many tokens. Equal FLOPs: as many updates as cost the training FLOPs of ${first}. FLOPs are three times those of the forward pass, so that what LoRA saves on gradients of frozen weights is not counted.</li>
<li>The time of a step is that of ${first} times the figure, on the adapter below.</li>
<li>Drafts: test text is continued greedily, registers or heads guess the tokens at offsets 2 and on, and the model accepts those that it would have written itself. A draft only counts as accepted when those before it are. Text that repeats itself is easy to draft: the share of stretches of four tokens that have occurred before in the same continuation stands beside.</li>
</ul>`;
}

/** The report of a study on running text as HTML. */
export async function textPage(finished: FinishedStudy, summary: TextStudySummary): Promise<string> {
  const { study } = summary;
  const looks = looksOfStudy(summary);
  const sections: Markup[] = [];
  const measured = summary.datasets.filter(({ budgets }) => budgets.some((each) => each.variants.length > 0));
  for (const data of measured) sections.push(await datasetSection(finished, summary, data));
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
${notes(summary)}
<h2>How it was made</h2>
${setup({ ...summary, recipe: study.recipe }, logs)}
<details><summary>Variants, data and measures</summary><pre>${JSON.stringify({ variants, datasets, measure }, undefined, 2)}</pre></details>`,
  );
}
