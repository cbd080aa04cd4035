// B sequences, T positions, C channels.
import type { SequenceBatch } from '../sequence-batch.js';
import type { SequenceLayout } from './sequences.js';

/** A target with this id is not scored; the default `ignoreIndex` of the engine's cross-entropy. */
export const IGNORE = -100;

/** Which real predictions are scored. */
export interface LossScope {
  /** Only tokens of the answer are targets (`answer`), or those of the prompt as well (`all`). */
  readonly lossOn: 'answer' | 'all';
  /** Tokens of the prompt see the whole prompt, so they cannot be asked to predict it. */
  readonly bidirectionalPrefix: boolean;
}

/** What each position is as a target, `[B, T]`; `IGNORE` where it is none. */
export function targetIds(batch: SequenceBatch): Int32Array {
  const { tokens, channels, targets } = batch;
  const ids = new Int32Array(batch.batch * batch.time);
  for (let index = 0; index < ids.length; index++) {
    const id = (targets === undefined ? tokens[index * channels] : targets[index]) as number;
    ids[index] = id < 0 ? IGNORE : id;
  }
  return ids;
}

/**
 * Targets `[B, T]` of the real tokens: the token at place t predicts the one at t + `distance` of its own document,
 * within the scope of the loss. In scope `answer` predictions begin with the last token of the prompt, for all
 * distances: tokens before it have not read the whole question.
 */
export function shiftedTargets(
  batch: SequenceBatch,
  layout: SequenceLayout,
  distance: number,
  { lossOn, bidirectionalPrefix }: LossScope,
): Int32Array {
  const { batch: rows, time, lengths, prefixLengths } = batch;
  const ids = targetIds(batch);
  const shifted = new Int32Array(rows * time).fill(IGNORE);
  for (let row = 0; row < rows; row++) {
    const first = row * time;
    const prompt = prefixLengths[row] as number;
    const begin = lossOn === 'answer' ? Math.max(prompt - 1, 0) : 0;
    const firstTarget = lossOn === 'answer' || bidirectionalPrefix ? prompt : 0;
    for (let place = begin; place < (lengths[row] as number); place++) {
      const target = place + distance;
      if (target < firstTarget || target > (layout.last[first + place] as number)) continue;
      shifted[first + place] = ids[first + target] as number;
    }
  }
  return shifted;
}
