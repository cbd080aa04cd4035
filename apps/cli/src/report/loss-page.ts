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
import { formatCount, formatFixed, formatShare } from '../format.js';
import { html, type Markup } from './escape.js';
import { keyOf, logsOf, looksOfStudy } from './loss-pictures.js';
import {
  differencePlot,
  draftPlot,
  offsetPlot,
  type Plot,
  type VariantLooks,
  validationPlot,
} from './loss-plots.js';
import { type Look, swatch } from './palette.js';
import { document, drawnFigure, drawnNote, keyList, lossFigures, problemList, setup } from './sections.js';
import { type Heading, stacked, table } from './table.js';

const nameOf = (looks: VariantLooks, { variant, title }: VariantSummary): Markup =>
  html`${swatch(looks.looks.get(variant) as Look)}${title}`;

/** What a kind of task has to say beyond losses. */
export interface LossPageParts<Variant extends VariantSummary> {
  /** Figures of the table, between losses and costs. */
  readonly columns?: readonly Column<Variant>[];
  /** What stands below the plots of some data within a budget. */
  readonly section?: (data: DatasetSummary<Variant>, budget: BudgetSummary<Variant>) => Markup;
  /** What the losses by distance are of, and why the first of them is not the test loss. */
  readonly offsetNote: string;
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
  const several = variants.some(({ seeds }) => seeds.length > 1);
  const far = farOffsets(summary);
  const offsets = far.length > MOST_OFFSET_COLUMNS ? [] : far;
  const interval = several ? { note: '95% interval' } : {};
  const headings: Heading[] = [
    { title: 'variant' },
    { title: 'test loss', ...interval },
    { title: `less ${variants[0]?.title ?? ''}`, ...interval },
    ...offsets.map((offset) => ({ title: `loss at distance ${offset}`, ...interval })),
    ...columns.map(({ title }) => ({ title })),
  ];
  const rows = variants.map((each) => ({
    name: nameOf(looks, each),
    cells: [
      stacked(lossText(each.testLoss, each.seeds.length)),
      each.difference === null ? '–' : stacked(differenceText(each.difference, each.seeds.length)),
      ...offsets.map((offset) => {
        const found = each.offsets.find((one) => one.offset === offset);
        return found === undefined ? '–' : stacked(lossText(found.loss, each.seeds.length));
      }),
      ...columns.map(({ cell }) => stacked(cell(each, variants) || '–')),
    ],
  }));
  return table(headings, rows);
}

const COSTS = [
  'variant',
  'trained parameters',
  'of them extra',
  'steps',
  'training FLOPs',
  'time of a step',
  'tokens/s',
].map((title): Heading => ({ title }));

function costTable({ variants }: BudgetSummary, looks: VariantLooks): Markup {
  const rows = variants.map((each) => ({
    name: nameOf(looks, each),
    cells: [
      each.trainedParameters.toLocaleString('en'),
      each.extraParameters.toLocaleString('en'),
      each.steps,
      formatCount(each.flops),
      `${formatFixed(relativeTime(variants, each), 2)}×`,
      formatCount(each.tokensPerSecond),
    ],
  }));
  return html`<h4>What it cost</h4>${table(COSTS, rows)}`;
}

/** The losses by distance, where they are too many for the table of variants. */
function offsetTable<Variant extends VariantSummary>(
  { variants }: BudgetSummary<Variant>,
  { summary, parts }: PageOf<Variant>,
  looks: VariantLooks,
): Markup {
  const far = farOffsets(summary);
  if (far.length <= MOST_OFFSET_COLUMNS) return html``;
  const rows = variants
    .filter(({ offsets }) => offsets.length > 0)
    .map((each) => ({
      name: nameOf(looks, each),
      cells: far.map((offset) => {
        const found = each.offsets.find((one) => one.offset === offset);
        return found === undefined ? '–' : formatFixed(found.loss.mean, 3);
      }),
    }));
  const headings = [{ title: 'variant' }, ...far.map((offset) => ({ title: `at distance ${offset}` }))];
  return html`<h4>Losses of registers and heads</h4>${table(headings, rows)}<p class="soft">${parts.offsetNote}</p>`;
}

function draftTable({ variants }: BudgetSummary, looks: VariantLooks): Markup {
  const drafting = variants.filter(({ drafts }) => drafts.length > 0);
  if (drafting.length === 0) return html``;
  const offsets = [...new Set(drafting.flatMap(({ drafts }) => drafts.map(({ offset }) => offset)))];
  const headings = [
    'variant',
    ...offsets.map((offset) => `at distance ${offset}`),
    'tokens a pass',
    'text repeated',
    'passes',
  ].map((title) => ({ title }));
  const rows = drafting.map((each) => ({
    name: nameOf(looks, each),
    cells: [
      ...offsets.map((offset) => {
        const found = each.drafts.find((one) => one.offset === offset);
        return found === undefined ? '–' : formatShare(found.acceptanceRate);
      }),
      each.tokensPerPass?.toFixed(2) ?? '–',
      each.repetition === null ? '–' : formatShare(each.repetition),
      each.drafts[0]?.drafted.toLocaleString('en') ?? '',
    ],
  }));
  return html`<h4>Drafts accepted</h4>${table(headings, rows)}`;
}

async function budgetSection<Variant extends VariantSummary>(
  page: PageOf<Variant>,
  data: DatasetSummary<Variant>,
  budget: BudgetSummary<Variant>,
): Promise<Markup> {
  const looks = looksOfStudy(page.summary);
  const spent = budget.budget === 'steps' ? 'step' : 'flops';
  const logs = logsOf(page.finished, data.dataset, budget);
  const first = budget.variants[0]?.title ?? '';
  const plots: readonly [string, Plot, string?][] = [
    [
      `Test loss less that of ${first}`,
      differencePlot(budget, looks),
      budget.variants.some(({ seeds }) => seeds.length > 1)
        ? 'Lines are 95% intervals over seeds; none where seeds do not differ.'
        : 'One seed: no intervals.',
    ],
    [
      `Validation loss against ${spent === 'step' ? 'steps' : 'training FLOPs'}`,
      validationPlot(logs, spent, looks),
    ],
    ['Loss of registers and heads by distance', offsetPlot(budget, looks), page.parts.offsetNote],
    ['Drafts that the model accepts', draftPlot(budget, looks)],
  ];
  const figures: Markup[] = [];
  for (const [at, [title, plot, caption]] of plots.entries()) {
    if (plot === undefined) continue;
    // Rows of differences are named where they stand.
    const key = at === 0 ? html`` : keyList(keyOf(looks, plot.drawn));
    const below = html`${key}${caption === undefined ? '' : html`<figcaption>${caption}</figcaption>`}`;
    figures.push(await drawnFigure(title, plot.specOf, below));
  }
  const titled = (name: string): string => looks.titles.get(name) ?? name;
  const title = budgetTitle(budget.budget);
  const drawn = new Map(
    [...looks.looks].filter(([name]) => logs.some(({ objective }) => objective === name)),
  );
  return html`<h3 class="budget">${title.charAt(0).toUpperCase() + title.slice(1)}</h3>
${variantTable(budget, page, looks)}
${offsetTable(budget, page, looks)}
${draftTable(budget, looks)}
${costTable(budget, looks)}
${drawnNote(logs.length)}<div class="plots">${figures}</div>
${page.parts.section?.(data, budget) ?? ''}
${drawn.size === 0 ? '' : html`<details><summary>Parts of the training loss</summary>${await lossFigures(logs, drawn, titled)}</details>`}`;
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
  const sections: Markup[] = [];
  const measured = summary.datasets.filter(({ budgets }) => budgets.some((each) => each.variants.length > 0));
  for (const data of measured) sections.push(await datasetSection(page, data));
  const { variants, datasets, seeds, budgets, measure } = study;
  return document(
    study.title,
    html`<p class="kicker">Foretoken · study ${study.name}</p>
<h1>${study.title}</h1>
<p>${study.description}</p>
<p>${finished.runs.length === 0 ? '' : `${finished.runs.length} runs: `}${variants.length} variants, seeds ${seeds.join(', ')}, ${budgets.map(budgetTitle).join(' and ')}.</p>
${sections}
<h2>How to read this</h2>
${notes(page)}
${problemList(finished.problems)}
<h2>How it was made</h2>
${setup({ ...summary, recipe: study.recipe }, finished.runs)}
<details><summary>Variants, data and measures</summary><pre>${JSON.stringify({ variants, datasets, measure }, undefined, 2)}</pre></details>`,
  );
}
