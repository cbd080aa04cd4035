import type { RunRecord } from '@foretoken/train';
import { html, Markup } from './escape.js';
import { type Look, swatch } from './palette.js';
import { type Drawing, lossPlot, MOST_LINES, PART_DASHES, partsOf } from './plots.js';
import type { RunLog } from './run-logs.js';
import type { KeyEntry } from './sheet.js';
import { drawInSizes, type Size } from './sizes.js';
import { style } from './style.js';

/** A page of its own that needs no network. */
export const document = (title: string, body: Markup): string =>
  html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><style>${new Markup(style)}</style></head>
<body><main>
${body}
</main></body></html>
`.text;

/** A drawing below its title. */
export const figure = (title: string, drawing: Markup | undefined, below: Markup = html``): Markup =>
  html`<figure><h3>${title}</h3>${drawing ?? html`<p class="none">Nothing was logged.</p>`}${below}</figure>`;

/** What the marks of a drawing stand for. */
export const keyList = (entries: readonly KeyEntry[]): Markup =>
  entries.length === 0
    ? html``
    : html`<ul class="key">${entries.map(({ title, look }) => html`<li>${swatch(look)}${title}</li>`)}</ul>`;

/** A drawing in the sizes of a page, if there is one, below its title. */
export const drawnFigure = async (
  title: string,
  drawing: Drawing,
  below?: Markup,
  sizes?: readonly [Size, Size],
): Promise<Markup> =>
  figure(title, drawing === undefined ? undefined : await drawInSizes(drawing, sizes), below);

/** The parts of the loss against steps, a figure for each kind of runs. */
export async function lossFigures(
  logs: readonly RunLog[],
  looks: ReadonlyMap<string, Look>,
  titleOf: (name: string) => string,
): Promise<Markup> {
  const figures = await Promise.all(
    [...looks].map(async ([name, look]) => {
      const key = partsOf(logs, name).map(
        (part, at) =>
          html`<li><svg class="swatch" width="26" height="8" aria-hidden="true"><path d="M0 4H26" stroke="${look.colour}" stroke-width="2" stroke-dasharray="${PART_DASHES[at % PART_DASHES.length] ?? ''}"/></svg>${part}</li>`,
      );
      const below = key.length === 0 ? html`` : html`<ul class="key">${key}</ul>`;
      return drawnFigure(titleOf(name), lossPlot(logs, name, look), below, ['small', 'medium']);
    }),
  );
  return html`<div class="small">${figures}</div>`;
}

/** That not all runs are drawn, where they are too many. */
export const drawnNote = (runs: number): Markup =>
  runs <= MOST_LINES
    ? html``
    : html`<p class="soft">Drawings show the first ${MOST_LINES} of ${runs.toLocaleString('en')} runs; tables and means are of all.</p>`;

/** What of a folder could not be read, or is not there. */
export const problemList = (problems: readonly string[]): Markup =>
  problems.length === 0
    ? html``
    : html`<section class="problems"><h2>Left out</h2><ul class="notes">${problems.map((problem) => html`<li>${problem}</li>`)}</ul></section>`;

/** What all runs agree on once; where they differ, everything that some run was made with. */
const distinct = (values: readonly (string | undefined)[]): string[] => [
  ...new Set(values.filter((value) => value !== undefined)),
];

/** What a report was made with. */
export interface Setup {
  readonly command: string;
  readonly recipe: object;
  readonly adapter: { readonly name: string; readonly software: boolean };
  readonly versions: Readonly<Record<string, string>>;
}

/** Command, adapter, versions, recipe and settings. */
export function setup(summary: Setup, runs: readonly { readonly record: RunRecord }[]): Markup {
  const { command, recipe } = summary;
  const records = runs.map(({ record }) => record);
  const made = records.length > 0 ? records : [summary];
  const adapters = distinct(
    made.map(({ adapter }) => `${adapter.name}${adapter.software ? ' (software, on the CPU)' : ''}`),
  );
  const versions = distinct(
    made.map((each) =>
      Object.entries(each.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ),
  );
  const commits = distinct(records.map(({ commit }) => commit));
  const settings = Object.fromEntries(records.map((record) => [record.objective, record.settings]));
  return html`<pre>${command}</pre>
<dl><dt>Adapter</dt><dd>${adapters.join('; ')}</dd>
<dt>Versions</dt><dd>${versions.join('; ')}</dd>${commits.length === 0 ? html`` : html`<dt>Commit</dt><dd>${commits.join(', ')}</dd>`}</dl>
<details><summary>Recipe</summary><pre>${JSON.stringify(recipe, undefined, 2)}</pre></details>
${records.length === 0 ? html`` : html`<details><summary>Complete settings of each objective</summary><pre>${JSON.stringify(settings, undefined, 2)}</pre></details>`}`;
}
