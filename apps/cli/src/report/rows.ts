import type { Size } from './sizes.js';

/** Of a letter in a name. */
const LETTER = 7.3;
/** Letters of a name that is written in full. */
const LONGEST = 23;

const SHORTENED = `length(datum.label) > ${LONGEST} ? slice(datum.label, 0, ${LONGEST - 1}) + '…' : datum.label`;

/** How the rows of a drawing are named: on the left, or above their marks where it is narrow. */
export interface RowNames {
  /** Room on the left. */
  readonly left: number;
  /** Height of a row. */
  readonly height: number;
  /** By how much marks lie below the middle of a row. */
  readonly below: number;
  /** The axis of rows. */
  readonly y: object;
  /** What writes the names, if the axis does not. */
  layers(width: number): object[];
}

/** @param rows - each with `title`, in their order */
export function rowNames(
  rows: readonly { readonly title: string }[],
  size: Size,
  { height, above }: { readonly height: number; readonly above: number },
): RowNames {
  const y = { field: 'title', type: 'nominal', sort: null };
  if (size === 'large') {
    const longest = rows.reduce((most, { title }) => Math.max(most, title.length), 0);
    const axis = {
      title: null,
      domain: false,
      ticks: false,
      labelPadding: 10,
      labelLimit: 0,
      labelExpr: SHORTENED,
    };
    const left = LETTER * Math.min(LONGEST, longest) + 14;
    return { left, height, below: 0, y: { ...y, axis }, layers: () => [] };
  }
  const named = { ...y, axis: null };
  const data = { values: [...new Set(rows.map(({ title }) => title))].map((title) => ({ title })) };
  const words = { type: 'text', align: 'left', dy: -above, fontSize: 13 };
  return {
    left: 12,
    height: height + above,
    below: above / 2 + 2,
    y: named,
    // A rim in the colour of the page keeps lines behind the words away from them.
    layers: (width) =>
      [{ stroke: 'var(--panel)', strokeWidth: 4, strokeJoin: 'round' }, { color: 'var(--ink)' }].map(
        (look) => ({
          data,
          mark: { ...words, limit: width - 8, ...look },
          encoding: { x: { value: 4 }, y: named, text: { field: 'title' } },
        }),
      ),
  };
}
