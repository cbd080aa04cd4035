// Source: "Multi-Token Prediction Needs Registers", arXiv 2505.10518, section 3 (offsets) and its part on images (2D).

/** Tokens behind the prompt that are the cells of an image, row by row. */
export interface Grid {
  readonly height: number;
  readonly width: number;
}

/** Which distances from a register's token to its target are drawn from. */
export type OffsetPolicy =
  | {
      /** Along the sequence: `min` to `max` tokens ahead. */
      readonly kind: 'sequence';
      readonly min: number;
      readonly max: number;
    }
  | {
      /** Down and to the right: `max` by `max` cells, of which the first is the register's token itself. */
      readonly kind: 'grid';
      readonly grid: Grid;
      readonly max: number;
    };

/** One of the offsets that a policy draws from, all equally likely. */
export interface Offset {
  /** Tokens from the register's token to its target in the order of the sequence. */
  readonly distance: number;
  /** Columns to the right that the distance stands for; 0 along a sequence. */
  readonly columns: number;
}

/**
 * All offsets of a policy, in the order of the rows that a register table has for them.
 *
 * On a grid of width w they are (d_h, d_w), both from 1 to `max` without (1, 1), with the distance
 * (d_h - 1) w + d_w - 1. Two of them can have one distance where `max` is above w: each counts.
 */
export function offsetsOf(policy: OffsetPolicy): readonly Offset[] {
  if (policy.kind === 'sequence') {
    return Array.from({ length: policy.max - policy.min + 1 }, (_, index) => ({
      distance: policy.min + index,
      columns: 0,
    }));
  }
  const { max, grid } = policy;
  return Array.from({ length: max * max }, (_, index) => {
    const [rows, columns] = [Math.floor(index / max), index % max];
    return { distance: rows * grid.width + columns, columns };
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
