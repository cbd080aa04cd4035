import { describeBudget } from '@foretoken/train';
import type { FinishedRun } from '../comparison/kind.js';
import { formatCount, formatFixed, formatShare } from '../format.js';
import { type Interval, meanOf } from '../statistics.js';
import { type ComparisonSummary, type ObjectiveSummary, objectiveTitle, shareText } from '../summary.js';
import { html, type Markup } from './escape.js';
import { tellingQuestion } from './graph-drawing.js';
import { type Look, looksOf, swatch } from './palette.js';
import { matchCurve, type Spent, spreadPlot } from './plots.js';
import type { RunLog } from './run-logs.js';
import {
  document,
  drawnFigure,
  drawnNote,
  figure,
  keyList,
  lossFigures,
  problemList,
  setup,
} from './sections.js';
import { type Row, stacked, table } from './table.js';

type Looks = ReadonlyMap<string, Look>;

/** All that a page is made from. */
export interface PageOf {
  readonly summary: ComparisonSummary;
  readonly runs: readonly Pick<FinishedRun, 'summary' | 'record' | 'log'>[];
  /** What was left out, and why. */
  readonly problems: readonly string[];
}

const lookOf = (looks: Looks, objective: string): Look => looks.get(objective) as Look;

/** What the figures say, and no more. */
function resultSentence({ objectives, recipe, chance }: ComparisonSummary): Markup {
  const seeds = objectives.reduce((most, each) => Math.max(most, each.seeds.length), 0);
  const parts = objectives.map(({ objective, exactMatch, seeds: runs }) => {
    const solved = runs.filter(({ solvedAtStep }) => solvedAtStep !== null).length;
    const outcome = solved === 0 ? 'did not solve it' : `solved it in ${solved} of ${runs.length}`;
    return `${objectiveTitle(objective)} ${outcome} (exact match ${formatShare(exactMatch.mean)})`;
  });
  const scope =
    seeds === 1 ? 'With one seed, which is an anecdote and gives no interval' : `Over ${seeds} seeds`;
  return html`<p class="result">${scope}, within ${describeBudget(recipe)}: ${parts.join('; ')}. Guessing the arm gives ${formatShare(chance)}.</p>`;
}

const withInterval = ({ seeds, ...interval }: Interval & { readonly seeds: number }): Markup | string =>
  stacked(shareText(interval, seeds));

function objectiveRow(
  { objective, extraParameters, exactMatch, firstHop, seeds }: ObjectiveSummary,
  looks: Looks,
): Row {
  const solved = seeds.filter(({ solvedAtStep }) => solvedAtStep !== null).length;
  return {
    name: html`${swatch(lookOf(looks, objective))}${objectiveTitle(objective)}`,
    cells: [
      withInterval({ ...exactMatch, seeds: seeds.length }),
      `${solved}/${seeds.length}`,
      withInterval({ ...firstHop, seeds: seeds.length }),
      extraParameters.toLocaleString('en'),
      formatCount(meanOf(seeds.map(({ flops }) => flops))),
      formatCount(meanOf(seeds.map(({ tokens }) => tokens))),
      formatFixed(meanOf(seeds.map(({ seconds }) => seconds)), 0),
      formatCount(meanOf(seeds.map(({ tokensPerSecond }) => tokensPerSecond))),
    ],
  };
}

function objectiveTable({ objectives, parameters, recipe }: ComparisonSummary, looks: Looks): Markup {
  const several = objectives.some(({ seeds }) => seeds.length > 1);
  const interval = several ? { note: '95% interval' } : {};
  const headings = [
    { title: 'objective' },
    { title: 'exact match', ...interval },
    { title: 'solved' },
    { title: 'first hop', ...interval },
    { title: 'extra parameters' },
    { title: 'training FLOPs' },
    { title: 'tokens' },
    { title: 'seconds' },
    { title: 'tokens/s' },
  ];
  const rows = objectives.map((each) => objectiveRow(each, looks));
  return html`${table(headings, rows)}
<p class="soft">The model has ${parameters.toLocaleString('en')} parameters. A run is solved when an evaluation finds ${formatShare(recipe.evaluation.solved ?? 1)} of the held-out graphs right.${several ? ' FLOPs, tokens and seconds are means over seeds; intervals are Student’s t over seeds, clipped to 0–100%. Seeds that are all equal give no interval.' : ''}</p>`;
}

function seedTable({ objectives }: ComparisonSummary, looks: Looks): Markup {
  const headings = [
    'objective',
    'seed',
    'exact match',
    'first hop',
    'solved at step',
    'steps',
    'FLOPs',
    'tokens',
    'seconds',
    'tokens/s',
  ].map((title) => ({ title }));
  const rows = objectives.flatMap(({ objective, seeds }) =>
    seeds.map((run) => ({
      name: html`${swatch(lookOf(looks, objective))}${objectiveTitle(objective)}`,
      cells: [
        run.seed,
        formatShare(run.exactMatch),
        formatShare(run.firstHop),
        run.solvedAtStep ?? '–',
        run.steps,
        formatCount(run.flops),
        formatCount(run.tokens),
        formatFixed(run.seconds, 0),
        formatCount(run.tokensPerSecond),
      ],
    })),
  );
  return table(headings, rows);
}

async function curves(summary: ComparisonSummary, logs: readonly RunLog[], looks: Looks): Promise<Markup> {
  const titles: readonly [Spent, string][] = [
    ['step', 'Exact match against steps'],
    ['flops', 'Exact match against training FLOPs'],
    ['seconds', 'Exact match against seconds'],
  ];
  const keyOf = (names: readonly string[]): Markup =>
    keyList(names.map((name) => ({ title: objectiveTitle(name), look: lookOf(looks, name) })));
  const logged = [...looks.keys()].filter((name) =>
    logs.some(({ objective, evaluations }) => objective === name && evaluations.length > 0),
  );
  const drawn: Markup[] = [];
  for (const [spent, title] of titles)
    drawn.push(await drawnFigure(title, matchCurve(logs, spent, summary.chance, looks), keyOf(logged)));
  const spread = spreadPlot(summary.objectives, summary.chance, looks);
  const several = summary.objectives.some(({ seeds }) => seeds.length > 1);
  const below = several
    ? html`<figcaption>A mark for each seed; below it the mean, with its interval where seeds differ.</figcaption>`
    : html``;
  return html`${drawnNote(logs.length)}<div class="plots">${drawn}${await drawnFigure('Final exact match of each seed', spread, below)}</div>`;
}

/** One graph of the final test with the answer of each objective's first run. */
function sampleGraph({ summary, runs }: PageOf, looks: Looks): Markup {
  const firsts = summary.objectives.flatMap(
    ({ objective }) => runs.find((run) => run.summary.objective === objective) ?? [],
  );
  const question = tellingQuestion(summary.recipe, firsts);
  if (question === undefined) return html``;
  const figures = firsts.flatMap(({ summary: own }) => {
    const answered = question.answered(own, lookOf(looks, own.objective).colour);
    if (answered === undefined) return [];
    const verdict = answered.correct
      ? html`<span class="verdict right">right</span>`
      : html`<span class="verdict wrong">wrong</span>`;
    return [
      figure(
        objectiveTitle(own.objective),
        answered.drawing,
        html`<figcaption>answered <code>${answered.text}</code> ${verdict}</figcaption>`,
      ),
    ];
  });
  return html`<h2>A graph, and what each objective answers</h2>
<p>A question of the final test: <code>${question.prompt}</code>. The right answer is <code>${question.answer}</code>. Every answer is that of the objective’s first seed; of the ${question.kept} answers that are kept, it is the first that one objective got right and another wrong, where there is one. A dashed step is no edge of the graph.</p>
<div class="plots graphs">${figures}</div>`;
}

function notes({ recipe }: ComparisonSummary): Markup {
  const { solved = 1, questions, finalQuestions, every } = recipe.evaluation;
  const edge = recipe.task['format'] === 'edge';
  return html`<ul class="notes">
<li>Every objective has the same model, data, optimizer and budget of ${describeBudget(recipe)} of ${recipe.batch} sequences.</li>
<li>A run stops early when an evaluation, every ${every} steps on ${questions} held-out graphs, finds ${formatShare(solved)} or more solved. The rule is the same for all objectives, so times and FLOPs of solved runs are times to the solution.</li>
<li>Final figures are on ${finalQuestions} other graphs, which triggered no stop.</li>
<li>“First hop” is the only hard token: the first node behind the start.</li>
<li>Training FLOPs are three times the multiplications and additions of the forward matrix products, registers and heads included.</li>
${edge ? html`<li>One position stands for each edge. This format is ours; the paper writes an edge as separate tokens (recipe star-graph-paper).</li>` : html``}
</ul>`;
}

/** The whole report as HTML. */
export async function page({ summary, runs, problems }: PageOf): Promise<string> {
  const logs = runs.flatMap(({ log }) => log ?? []);
  const looks = looksOf(summary.objectives.map(({ objective }) => objective));
  return document(
    `${summary.recipe.title}: objectives compared`,
    html`<p class="kicker">Foretoken · recipe ${summary.recipe.name}</p>
<h1>${summary.recipe.title}: objectives compared</h1>
<p>${summary.recipe.description}</p>
${resultSentence(summary)}
${objectiveTable(summary, looks)}
<h2>Learning curves</h2>
${await curves(summary, logs, looks)}
<h2>Every seed</h2>
${seedTable(summary, looks)}
<h2>Parts of the loss</h2>
${await lossFigures(logs, looks, objectiveTitle)}
${sampleGraph({ summary, runs, problems }, looks)}
<h2>How to read this</h2>
${notes(summary)}
${problemList(problems)}
<h2>How it was made</h2>
${setup(summary, runs)}`,
  );
}
