// Source: "Multi-Token Prediction Needs Registers", arXiv 2505.10518, section 3 (offsets) and its part on images (2D).

/** Tokens behind the prompt that are the cells of an image, row by row. */
export interface Grid {
  readonly height: number;
  readonly width: number;
}

/** A distance from a register's token to its target; which one it is is drawn for each sequence. */
export interface Offset {
  /** Number among the offsets of an objective: its row where each has a vector of its own. */
  readonly index: number;
  /** What a log calls it: `offset3`, or rows and columns as the paper counts them, `offset1x2`. */
  readonly name: string;
  /** Tokens from the register's token to its target in the order of the sequence. */
  readonly distance: number;
  /** Columns to the right that the distance stands for; 0 along a sequence. */
  readonly columns: number;
}

/** Offsets along a sequence: `min` to `max` tokens ahead. */
export function sequenceOffsets(min: number, max: number): readonly Offset[] {
  return Array.from({ length: max - min + 1 }, (_, index) => {
    const distance = min + index;
    return { index, name: `offset${distance}`, distance, columns: 0 };
  });
}

/**
 * Offsets on a grid of width w: (d_h, d_w), both from 1 to `max` without (1, 1), which is the register's token itself; the
 * distance is (d_h - 1) w + d_w - 1. Two can have one distance where `max` is above w: each counts.
 */
export function gridOffsets({ width }: Grid, max: number): readonly Offset[] {
  return Array.from({ length: max * max }, (_, place) => {
    const [rows, columns] = [Math.floor(place / max), place % max];
    const name = `offset${rows + 1}x${columns + 1}`;
    return { index: place - 1, name, distance: rows * width + columns, columns };
  }).slice(1);
}

/**
 * Whether an offset leaves the grid over its right border, so that the distance leads to a cell further down on the
 * left. A token before the grid has no column: none of its offsets does.
 *
 * @param cell - of the register's token, counted row by row; negative before the grid
 */
export function wraps({ columns }: Offset, cell: number, { width }: Grid): boolean {
  return cell >= 0 && (cell % width) + columns >= width;
}
