import { describeBudget } from '@foretoken/train';
import { formatCount, formatShare } from '../format.js';
import type { Interval } from '../statistics.js';
import { type ComparisonSummary, type ObjectiveSummary, objectiveTitle } from '../summary.js';
import { html, type Markup } from './escape.js';
import { tellingQuestion } from './graph-drawing.js';
import { type Look, looksOf, swatch } from './palette.js';
import { matchCurve, type Spent, spreadPlot } from './plots.js';
import type { RunLog } from './run-logs.js';
import { document, figure, lossFigures, setup } from './sections.js';

type Looks = ReadonlyMap<string, Look>;

const lookOf = (looks: Looks, objective: string): Look => looks.get(objective) as Look;
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** What the figures say, and no more. */
function resultSentence({ objectives, recipe, chance }: ComparisonSummary): Markup {
  const seeds = Math.max(...objectives.map((each) => each.seeds.length));
  const parts = objectives.map(({ objective, exactMatch, seeds: runs }) => {
    const solved = runs.filter(({ solvedAtStep }) => solvedAtStep !== null).length;
    const outcome = solved === 0 ? 'did not solve it' : `solved it in ${solved} of ${runs.length}`;
    return `${objectiveTitle(objective)} ${outcome} (exact match ${formatShare(exactMatch.mean)})`;
  });
  const scope =
    seeds === 1 ? 'With one seed, which is an anecdote and gives no interval' : `Over ${seeds} seeds`;
  return html`<p class="result">${scope}, within ${describeBudget(recipe)}: ${parts.join('; ')}. Guessing the arm gives ${formatShare(chance)}.</p>`;
}

const withInterval = ({ mean: centre, low, high }: Interval, several: boolean): Markup =>
  several
    ? html`${formatShare(centre)}<span class="interval">${formatShare(low)}–${formatShare(high)}</span>`
    : html`${formatShare(centre)}`;

function objectiveRow(
  { objective, extraParameters, exactMatch, firstHop, seeds }: ObjectiveSummary,
  looks: Looks,
): Markup {
  const solved = seeds.filter(({ solvedAtStep }) => solvedAtStep !== null).length;
  const several = seeds.length > 1;
  return html`<tr><th scope="row">${swatch(lookOf(looks, objective))}${objectiveTitle(objective)}</th>
<td>${withInterval(exactMatch, several)}</td><td>${solved}/${seeds.length}</td><td>${withInterval(firstHop, several)}</td>
<td>${extraParameters.toLocaleString('en')}</td><td>${formatCount(mean(seeds.map(({ flops }) => flops)))}</td>
<td>${formatCount(mean(seeds.map(({ tokens }) => tokens)))}</td><td>${mean(seeds.map(({ seconds }) => seconds)).toFixed(0)}</td>
<td>${formatCount(mean(seeds.map(({ tokensPerSecond }) => tokensPerSecond)))}</td></tr>`;
}

function objectiveTable({ objectives, parameters, recipe }: ComparisonSummary, looks: Looks): Markup {
  const several = objectives.some(({ seeds }) => seeds.length > 1);
  const interval = several ? html`<span class="interval">95% interval</span>` : html``;
  return html`<div class="scroll"><table><thead><tr><th>objective</th><th>exact match${interval}</th><th>solved</th><th>first hop${interval}</th><th>extra parameters</th><th>training FLOPs</th><th>tokens</th><th>seconds</th><th>tokens/s</th></tr></thead>
<tbody>${objectives.map((each) => objectiveRow(each, looks))}</tbody></table></div>
<p class="soft">The model has ${parameters.toLocaleString('en')} parameters. A run is solved when an evaluation finds ${formatShare(recipe.evaluation.solved ?? 1)} of the held-out graphs right.${several ? ' FLOPs, tokens and seconds are means over seeds; intervals are Student’s t over seeds, clipped to 0–100%.' : ''}</p>`;
}

function seedTable({ objectives }: ComparisonSummary, looks: Looks): Markup {
  const rows = objectives.flatMap(({ objective, seeds }) =>
    seeds.map(
      (run) =>
        html`<tr><th scope="row">${swatch(lookOf(looks, objective))}${objectiveTitle(objective)}</th><td>${run.seed}</td><td>${formatShare(run.exactMatch)}</td><td>${formatShare(run.firstHop)}</td><td>${run.solvedAtStep ?? '–'}</td><td>${run.steps}</td><td>${formatCount(run.flops)}</td><td>${formatCount(run.tokens)}</td><td>${run.seconds.toFixed(0)}</td><td>${formatCount(run.tokensPerSecond)}</td></tr>`,
    ),
  );
  return html`<div class="scroll"><table><thead><tr><th>objective</th><th>seed</th><th>exact match</th><th>first hop</th><th>solved at step</th><th>steps</th><th>FLOPs</th><th>tokens</th><th>seconds</th><th>tokens/s</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

const objectiveKey = (looks: Looks): Markup =>
  html`<ul class="key">${[...looks].map(([name, look]) => html`<li>${swatch(look)}${objectiveTitle(name)}</li>`)}</ul>`;

async function curves(summary: ComparisonSummary, logs: readonly RunLog[], looks: Looks): Promise<Markup> {
  const titles: readonly [Spent, string][] = [
    ['step', 'Exact match against steps'],
    ['flops', 'Exact match against training FLOPs'],
    ['seconds', 'Exact match against seconds'],
  ];
  const drawn = await Promise.all(
    titles.map(async ([spent, title]) => figure(title, await matchCurve(logs, spent, summary.chance, looks))),
  );
  const spread = await spreadPlot(summary.objectives, summary.chance, looks);
  return html`${objectiveKey(looks)}<div class="plots">${drawn}${figure('Final exact match of each seed', spread)}</div>`;
}

/** One graph of the final test with the answer of each objective's first run. */
function sampleGraph(summary: ComparisonSummary, logs: readonly RunLog[], looks: Looks): Markup {
  const firsts = summary.objectives.flatMap(
    ({ objective }) => logs.find((log) => log.objective === objective) ?? [],
  );
  const question = tellingQuestion(firsts);
  if (question === undefined) return html``;
  const figures = firsts.flatMap((log) => {
    const answered = question.answered(log, lookOf(looks, log.objective).colour);
    if (answered === undefined) return [];
    const verdict = answered.correct
      ? html`<span class="verdict right">right</span>`
      : html`<span class="verdict wrong">wrong</span>`;
    return [
      figure(
        objectiveTitle(log.objective),
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
export async function page(summary: ComparisonSummary, logs: readonly RunLog[]): Promise<string> {
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
${sampleGraph(summary, logs, looks)}
<h2>How to read this</h2>
${notes(summary)}
<h2>How it was made</h2>
${setup(summary, logs)}`,
  );
}
