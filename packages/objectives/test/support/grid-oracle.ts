/** What a register of MuToR-2D is asked, found by walking over the image step by step. */
export interface GridOracle {
  /** Place in the sequence of the token whose position the register has. */
  readonly position: number;
  /** Place in the sequence of the target; undefined where nothing is scored. */
  readonly target: number | undefined;
}

export interface GridQuestion {
  readonly height: number;
  readonly width: number;
  /** Tokens before the grid. */
  readonly prompt: number;
  /** Place in the sequence of the token that the register follows. */
  readonly place: number;
  /** (d_h, d_w) of the paper: (1, 1) is the register's token itself. */
  readonly down: number;
  readonly right: number;
  readonly wrapped: 'keep' | 'mask';
}

/**
 * Goes `down - 1` rows down (each as many single steps as a row has cells) and `right - 1` cells to the right, where
 * the step behind the last cell of a row leads to the first of the next. Written without the formula of the paper.
 */
export function walk({ height, width, prompt, place, down, right, wrapped }: GridQuestion): GridOracle {
  /** The raster as the paper draws it: what comes behind each place of the sequence. */
  const cells = Array.from({ length: height }, (_, row) =>
    Array.from({ length: width }, (_, column) => ({ row, column })),
  ).flat();
  const sequence = [...Array.from({ length: prompt }, () => undefined), ...cells];
  const end = sequence.length;
  let [at, crossed] = [place, false];
  for (let row = 1; row < down; row++) for (let step = 0; step < width; step++) at++;
  for (let step = 1; step < right; step++) {
    // The border is seen from the column of the register's token, which rows of steps have not changed.
    const column = sequence[place] === undefined ? undefined : (cells[place - prompt]?.column ?? 0) + step;
    if (column !== undefined && column >= width) crossed = true;
    at++;
  }
  const isScored = at < end && !(crossed && wrapped === 'mask');
  return { position: Math.min(at - 1, end - 1), target: isScored ? at : undefined };
}
