import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readBytesFile } from '@foretoken/input/node';
import { SAMPLES_PICTURE } from '../comparison/image-measures.js';
import { type ImageVariantSummary, imageMeasuresOf, runsOf } from '../comparison/image-summary.js';
import type { FinishedRun, FinishedStudy } from '../comparison/kind.js';
import type { BudgetSummary, DatasetSummary } from '../comparison/loss-summary.js';
import { checkInside } from '../comparison/stored.js';
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

/** A picture of samples: PNG, and its size in pixels. */
export interface SamplesPicture {
  readonly url: string;
  readonly width: number;
  readonly height: number;
}

/** Bytes and pixels of a picture of samples, at most. */
const [MOST_BYTES, MOST_PIXELS] = [2 ** 24, 2 ** 26];

/** The picture of samples of a run, where images were drawn; no picture where the file is something else. */
export function samplesOf({ out }: FinishedStudy, { run }: FinishedRun): SamplesPicture | undefined {
  const below = join(run.folder, SAMPLES_PICTURE);
  if (!existsSync(join(out, below))) return undefined;
  try {
    checkInside(out, below);
    const bytes = Buffer.from(readBytesFile(join(out, below), { maxBytes: MOST_BYTES }));
    const size = sizeOfPng(bytes);
    if (size === undefined || size.width * size.height > MOST_PIXELS) return undefined;
    return { url: `data:image/png;base64,${bytes.toString('base64')}`, ...size };
  } catch {
    return undefined;
  }
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Width and height in the head of a PNG; undefined where it is none. */
function sizeOfPng(bytes: Buffer): { readonly width: number; readonly height: number } | undefined {
  const isPng =
    bytes.length > 33 &&
    bytes.subarray(0, 8).equals(SIGNATURE) &&
    bytes.toString('latin1', 12, 16) === 'IHDR';
  const [width, height] = isPng ? [bytes.readUInt32BE(16), bytes.readUInt32BE(20)] : [0, 0];
  return width > 0 && height > 0 ? { width, height } : undefined;
}

const samplesImage = ({ url }: SamplesPicture): Markup =>
  html`<img src="${url}" alt="samples, a column for each class" class="samples">`;

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
    const picture = samplesOf(finished, run);
    return picture === undefined ? [] : [figure(title, samplesImage(picture))];
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
