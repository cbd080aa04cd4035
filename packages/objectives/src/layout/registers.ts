// B sequences, T real positions, R registers a sequence. Arrays are [B, R], row-major.
// Source: "Multi-Token Prediction Needs Registers", arXiv 2505.10518, section 3, and its published code.
import type { HostRandom } from '@foretoken/tensor';
import { ObjectiveBatchError } from '../errors.js';
import type { SequenceBatch } from '../sequence-batch.js';
import { type Grid, type Offset, wraps } from './offsets.js';
import type { SequenceLayout } from './sequences.js';
import { IGNORE, targetIds } from './targets.js';

export interface RegisterPlan {
  /** Registers follow the tokens that predict the answer, or all tokens but the last of each document. */
  readonly place: 'answer' | 'everywhere';
  /** From a register's token to its target: one is drawn for each sequence, all alike. */
  readonly offsets: readonly Offset[];
  /** The tokens behind the prompt, where offsets go over a grid. */
  readonly grid?: Grid | undefined;
  /** Targets of a grid that lie beyond its right border: kept where the distance leads, or not scored. */
  readonly wrappedTargets: 'keep' | 'mask';
  /** Registers of a sequence, at places drawn for each sequence anew; one at every place when absent. */
  readonly count?: number | undefined;
  /** Tokens of the prompt see the whole prompt, so registers after them cannot be asked to predict it. */
  readonly bidirectionalPrefix: boolean;
}

export interface RegisterLayout {
  /**
   * R: registers of the sequence that has most, and at least 1; as many as any batch of this shape may have, where it
   * has an `answerTime`. Sequences with fewer end with unused ones.
   */
  readonly count: number;
  /** Place of the token that the register follows; 0 in unused ones. */
  readonly order: Int32Array;
  /** Document of that token; -1 in unused registers. */
  readonly segment: Int32Array;
  /** Position id of the token that would predict the target, within the document. */
  readonly positions: Int32Array;
  /** The token that the register predicts; `IGNORE` where the document ends before it. */
  readonly targets: Int32Array;
  /** The offset of each sequence, `[B]`. */
  readonly offsets: readonly Offset[];
}

/**
 * Puts registers behind tokens. The one that follows the token at place t with offset d has the position of place
 * t + d - 1 and predicts the token at t + d; beyond the end of its document it keeps the last position, without a
 * target.
 */
export function layOutRegisters(
  batch: SequenceBatch,
  layout: SequenceLayout,
  plan: RegisterPlan,
  random: HostRandom,
): RegisterLayout {
  const { batch: rows, time } = batch;
  const ids = targetIds(batch);
  const offsets: Offset[] = [];
  const places: Int32Array[] = [];
  for (let row = 0; row < rows; row++) {
    offsets.push(plan.offsets[random.integer(plan.offsets.length)] as Offset);
    const free = freePlaces(batch, layout, plan.place, row);
    places.push(plan.count === undefined ? free : choose(free, plan.count, random));
  }
  const count = places.reduce((most, chosen) => Math.max(most, chosen.length), roomFor(batch, plan));
  const order = new Int32Array(rows * count);
  const segment = new Int32Array(rows * count).fill(-1);
  const positions = new Int32Array(rows * count);
  const targets = new Int32Array(rows * count).fill(IGNORE);
  places.forEach((chosen, row) => {
    const offset = offsets[row] as Offset;
    const { distance } = offset;
    const isMasked = maskOf(batch, plan, row);
    const firstTarget = plan.bidirectionalPrefix ? (batch.prefixLengths[row] as number) : 0;
    for (let register = 0; register < chosen.length; register++) {
      const at = row * count + register;
      const place = chosen[register] as number;
      const token = row * time + place;
      const end = (layout.last[token] as number) - place;
      order[at] = place;
      segment[at] = layout.segment[token] as number;
      positions[at] = (layout.positions[token] as number) + Math.min(distance - 1, end);
      if (distance > end || place + distance < firstTarget || isMasked(offset, place)) continue;
      targets[at] = ids[token + distance] as number;
    }
  });
  return { count, order, segment, positions, targets, offsets };
}

/**
 * Which targets of a sequence are left out though they exist: those that wrap, where the plan says so. The grid begins
 * behind the prompt.
 *
 * @throws ObjectiveBatchError when the tokens behind the prompt are not one grid
 */
function maskOf(
  { lengths, prefixLengths }: SequenceBatch,
  { grid, wrappedTargets }: RegisterPlan,
  row: number,
): (offset: Offset, place: number) => boolean {
  if (grid === undefined) return () => false;
  const prompt = prefixLengths[row] as number;
  const length = lengths[row] as number;
  if (length > 0) checkGrid(grid, length - prompt, row);
  return (offset, place) => wrappedTargets === 'mask' && wraps(offset, place - prompt, grid);
}

function checkGrid({ height, width }: Grid, cells: number, row: number): void {
  if (cells === height * width) return;
  throw new ObjectiveBatchError(
    `mutor: sequence ${row} has ${cells} tokens behind its prompt; a grid of ${height} by ${width} has ${height * width}. Set grid to the rows and columns of the image tokens.`,
  );
}

/** Registers that a sequence of a batch of this shape can have; 1, the least, where that is not known. */
function roomFor({ time, answerTime }: SequenceBatch, { place, count }: RegisterPlan): number {
  if (answerTime === undefined) return 1;
  // None follows the last token of a sequence; the first of an answer follows the prompt.
  const places = Math.min(place === 'answer' ? answerTime : time, time - 1);
  return Math.max(1, Math.min(places, count ?? places));
}

/** Registers of the longest answer or sequence of a batch whose prompts all have `prefix` tokens. */
export function registerCount(plan: RegisterPlan, time: number, prefix: number): number {
  const begin = plan.place === 'answer' ? Math.max(prefix - 1, 0) : 0;
  return Math.min(plan.count ?? Number.POSITIVE_INFINITY, Math.max(time - 1 - begin, 1));
}

/** Places that a register may follow: those with a next token in the same document. */
function freePlaces(
  { time, lengths, prefixLengths }: SequenceBatch,
  { last }: SequenceLayout,
  place: RegisterPlan['place'],
  row: number,
): Int32Array {
  const begin = place === 'answer' ? Math.max((prefixLengths[row] as number) - 1, 0) : 0;
  const free = new Int32Array(time);
  let found = 0;
  for (let at = begin; at < (lengths[row] as number); at++) {
    if (at < (last[row * time + at] as number)) free[found++] = at;
  }
  return free.subarray(0, found);
}

/** `count` of the places in rising order, every choice as likely as any other (Knuth's algorithm S). */
function choose(places: Int32Array, count: number, random: HostRandom): Int32Array {
  const chosen = new Int32Array(Math.min(count, places.length));
  let found = 0;
  for (let at = 0; found < chosen.length; at++) {
    if (random.integer(places.length - at) < chosen.length - found) chosen[found++] = places[at] as number;
  }
  return chosen;
}
