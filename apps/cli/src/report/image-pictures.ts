import { type ImageStudySummary, runsOf } from '../comparison/image-summary.js';
import type { FinishedStudy } from '../comparison/kind.js';
import { html, type Markup } from './escape.js';
import { type SamplesPicture, samplesOf, viewOf } from './image-sections.js';
import { lossPictures } from './loss-pictures.js';
import { drawRegisters } from './register-drawing.js';
import { heading, sheet, sizeOfSvg } from './sheet.js';

/** Width of one picture of samples, in pixels. */
const WIDTH = 420;
const TITLE = 24;
const GAP = 16;
const COLUMNS = 3;

/** Samples of all variants side by side. */
function samplesPicture(
  all: readonly { readonly title: string; readonly picture: SamplesPicture }[],
): string | undefined {
  const found = all.map(({ title, picture: { url, width, height } }) => ({
    title,
    url,
    height: (WIDTH * height) / width,
  }));
  if (found.length === 0) return undefined;
  const cell = TITLE + Math.max(...found.map(({ height }) => height)) + GAP;
  const columns = Math.min(COLUMNS, found.length);
  const body = found.map(({ title, url, height }, at) => {
    const [x, y] = [GAP + (at % columns) * (WIDTH + GAP), GAP + Math.floor(at / columns) * cell];
    return html`${heading(title, x, y + TITLE - 9)}<image href="${url}" x="${x}" y="${y + TITLE}" width="${WIDTH}" height="${height}"/>`;
  });
  return sheet(GAP + columns * (WIDTH + GAP), GAP + Math.ceil(found.length / columns) * cell, body);
}

/** What the registers of all variants see, one below the other. */
function registersPicture(
  all: readonly { readonly title: string; readonly drawing: Markup }[],
): string | undefined {
  if (all.length === 0) return undefined;
  let [y, width] = [GAP, 0];
  const body = all.map(({ title, drawing }) => {
    const drawn = sizeOfSvg(drawing.text);
    const placed = html`${heading(title, GAP, y + 14)}<g transform="translate(${GAP} ${y + TITLE})">${drawing}</g>`;
    y += TITLE + drawn.height + GAP;
    width = Math.max(width, drawn.width);
    return placed;
  });
  return sheet(width + 2 * GAP, y, body);
}

/** The drawings of a report on images. */
export async function imagePictures(
  finished: FinishedStudy,
  summary: ImageStudySummary,
): Promise<Record<string, string>> {
  const pictures: Record<string, string> = await lossPictures(finished, summary);
  for (const { dataset, budgets } of summary.datasets) {
    for (const { budget, variants } of budgets) {
      const runs = variants.flatMap(({ variant, title }) => {
        const [run] = runsOf(finished, dataset, budget, variant);
        return run === undefined ? [] : [{ title, run }];
      });
      const ending = `${dataset === '' ? '' : `${dataset}-`}equal-${budget}`;
      const samples = samplesPicture(
        runs.flatMap(({ title, run }) => {
          const picture = samplesOf(finished, run);
          return picture === undefined ? [] : [{ title, picture }];
        }),
      );
      if (samples !== undefined) pictures[`samples-${ending}`] = samples;
      const registers = registersPicture(
        runs.flatMap(({ title, run }) => {
          const view = viewOf(run);
          return view === undefined ? [] : [{ title, drawing: drawRegisters(view) }];
        }),
      );
      if (registers !== undefined) pictures[`registers-${ending}`] = registers;
    }
  }
  return pictures;
}
