import { EvaluationError } from './errors.js';

/** How documents that are longer than what a model reads at a time are cut. */
export interface WindowOptions {
  /** Tokens that the model reads at a time. */
  readonly window: number;
  /** Tokens from the beginning of one window to that of the next; windows do not overlap when it is absent. */
  readonly stride?: number | undefined;
}

/** Tokens `start` to `end - 1` of a document. */
export interface DocumentWindow {
  readonly start: number;
  readonly end: number;
  /** Place in the window from which on its tokens are scored. */
  readonly from: number;
}

/** @throws EvaluationError when a window or stride makes no sense, or the model cannot read so much at a time */
export function checkWindows({ window, stride }: WindowOptions, maxPositions: number): void {
  if (!Number.isInteger(window) || window < 1 || window > maxPositions) {
    throw new EvaluationError(
      `perplexity: a window of ${window} tokens; expected 1 to ${maxPositions}, the positions of the model.`,
    );
  }
  if (stride !== undefined && !(Number.isInteger(stride) && stride >= 1 && stride < window)) {
    throw new EvaluationError(
      `perplexity: a stride of ${stride}; expected 1 to ${window - 1}, less than the window. Leave it out for windows that do not overlap.`,
    );
  }
}

/**
 * Cuts a document so that each of its tokens but the first is scored exactly once.
 *
 * Without a stride, windows have one token in common: the first of a window was the last to be scored before. That
 * makes `window` inputs and `window` scored tokens each, as in `loglikelihood_rolling` of lm-evaluation-harness. With
 * one, windows hold `window` tokens and score those that none before has held, as in the guide of transformers.
 *
 * @param length - tokens of the document, with the one that begins it
 */
export function windowsOf(length: number, { window, stride }: WindowOptions): DocumentWindow[] {
  const windows: DocumentWindow[] = [];
  const size = stride === undefined ? window + 1 : window;
  let scored = 1;
  for (let start = 0; scored < length; start += stride ?? window) {
    const end = Math.min(start + size, length);
    windows.push({ start, end, from: scored - start });
    scored = end;
  }
  return windows;
}
