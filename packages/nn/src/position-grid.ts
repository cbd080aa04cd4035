import { ConfigError, checkCount } from './errors.js';

/**
 * Tokens that lie in a grid, row by row, behind others that lie in none: position id `before + row * width + column`.
 * Ids behind the grid go on with further rows.
 */
export interface PositionGrid {
  readonly height: number;
  readonly width: number;
  /** Position ids in front of the grid, of a class token for instance. Default 0. */
  readonly before?: number;
}

/** Row and column of a position id, or undefined for one in front of the grid. */
export function placeInGrid(
  id: number,
  { width, before = 0 }: PositionGrid,
): { readonly row: number; readonly column: number } | undefined {
  const place = id - before;
  return place < 0 ? undefined : { row: Math.floor(place / width), column: place % width };
}

/** @throws ConfigError unless the sizes are whole, and `maxPositions` ids reach the end of the grid */
export function checkGrid(owner: string, grid: PositionGrid, maxPositions: number): void {
  const { height, width, before = 0 } = grid;
  checkCount(owner, 'grid.height', height);
  checkCount(owner, 'grid.width', width);
  if (!Number.isInteger(before) || before < 0) {
    throw new ConfigError(`${owner}: grid.before must be a whole number from 0 on, got ${before}.`);
  }
  const needed = before + height * width;
  if (maxPositions < needed) {
    throw new ConfigError(
      `${owner}: a grid of ${height} x ${width} behind ${before} tokens needs ${needed} positions, maxPositions is ${maxPositions}.`,
    );
  }
}
