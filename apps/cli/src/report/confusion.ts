import type { NamedOutcome } from '../evaluate/results.js';
import { writePicture } from './picture.js';
import { renderSvg } from './render.js';

/** Classes beyond which single cells have no room for their numbers. */
const NUMBERED = 20;
/** Width and height of a drawing of few classes, in pixels. */
const CELL = 44;
const MOST = 640;

/** How often images of each class (row) were taken for each class (column). */
export interface Confusion {
  readonly classNames: readonly string[];
  readonly matrix: readonly (readonly number[])[];
}

/** A cell for each pair of classes: the darker, the larger the share of the row. */
function cellsOf({ classNames, matrix }: Confusion): object[] {
  return matrix.flatMap((row, from) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, to) => ({
      from: classNames[from],
      to: classNames[to],
      count,
      share: total === 0 ? 0 : count / total,
      right: from === to,
      text: count === 0 ? '' : String(count),
    }));
  });
}

/** Draws a confusion matrix as SVG: right answers on the diagonal, mistakes beside it. */
export function drawConfusion(confusion: Confusion): Promise<string> {
  const { classNames } = confusion;
  const size = Math.min(MOST, CELL * classNames.length);
  const axis = { domain: false, ticks: false, labelLimit: 120 };
  const place = {
    x: {
      field: 'to',
      type: 'nominal',
      sort: classNames,
      title: 'taken for',
      axis: { ...axis, orient: 'top', labelAngle: classNames.some((name) => name.length > 3) ? -40 : 0 },
    },
    y: { field: 'from', type: 'nominal', sort: classNames, title: 'is', axis },
  };
  const numbers = {
    mark: { type: 'text', fontSize: 12 },
    encoding: {
      ...place,
      text: { field: 'text' },
      color: {
        condition: { test: 'datum.share > 0.55', value: 'var(--panel)' },
        value: 'var(--ink)',
      },
    },
  };
  return renderSvg({
    width: size,
    height: size,
    data: { values: cellsOf(confusion) },
    layer: [
      {
        mark: { type: 'rect', stroke: 'var(--grid)', strokeWidth: 1 },
        encoding: {
          ...place,
          fill: {
            condition: { test: 'datum.right', value: 'var(--blue)' },
            value: 'var(--vermillion)',
          },
          // Mistakes are few: the root makes single ones visible.
          fillOpacity: {
            field: 'share',
            type: 'quantitative',
            scale: { type: 'sqrt', domain: [0, 1], range: [0, 1] },
            legend: null,
          },
        },
      },
      ...(classNames.length <= NUMBERED ? [numbers] : []),
    ],
  });
}

/** The confusion matrix among the facts of an evaluation of images. */
function confusionOf({ outcome }: NamedOutcome): Confusion | undefined {
  const { classNames, confusion } = outcome.facts;
  if (!Array.isArray(classNames) || !Array.isArray(confusion)) return undefined;
  return { classNames: classNames as string[], matrix: confusion as number[][] };
}

/** Writes the confusion matrix of each model, where there are any, as `confusion.svg` and `confusion.png`. */
export async function writeConfusions(
  folder: string,
  outcomes: readonly NamedOutcome[],
  warn: (text: string) => void,
): Promise<void> {
  for (const [at, outcome] of outcomes.entries()) {
    const confusion = confusionOf(outcome);
    if (confusion === undefined) continue;
    const name = outcomes.length === 1 ? 'confusion' : `confusion-${at + 1}`;
    await writePicture(folder, name, await drawConfusion(confusion), warn);
  }
}
