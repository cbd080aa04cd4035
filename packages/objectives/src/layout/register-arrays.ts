// B sequences, T tokens, R registers, C channels. A sequence is its tokens, then its registers: [B, T + R].
import type { HostRandom } from '@foretoken/tensor';
import { int32 } from '../inputs.js';
import type { PreparedBatch } from '../objective.js';
import type { SequenceBatch } from '../sequence-batch.js';
import { layOutRegisters, type RegisterLayout, type RegisterPlan } from './registers.js';
import { layOutSequences } from './sequences.js';
import { type LossScope, shiftedTargets } from './targets.js';

export interface RegisterArrayOptions {
  /** Which predictions of the real tokens are scored. */
  readonly scope: LossScope;
  readonly plan: RegisterPlan;
  /** The row of the register table with the number of the offset, instead of row 0 for all. */
  readonly vectorPerOffset: boolean;
}

/** Tokens with their registers behind them, as the trunk reads them, and the targets of both. */
export function registerArrays(
  batch: SequenceBatch,
  { scope, plan, vectorPerOffset }: RegisterArrayOptions,
  random: HostRandom,
): PreparedBatch {
  const { batch: rows, time, channels } = batch;
  const layout = layOutSequences(batch);
  const registers = layOutRegisters(batch, layout, plan, random);
  const { count } = registers;
  const shape = [rows, time + count];
  const behind = (real: Int32Array, added: Int32Array | number, width = 1): Int32Array =>
    join(real, added, rows, time * width, count * width);
  return {
    tokens: int32(behind(batch.tokens, -1, channels), channels === 1 ? shape : [...shape, channels]),
    positions: int32(behind(layout.positions, registers.positions), shape),
    order: int32(behind(layout.order, registers.order), shape),
    segment: int32(behind(layout.segment, registers.segment), shape),
    slot: int32(behind(new Int32Array(rows * time), slots(rows, count)), shape),
    ...(scope.bidirectionalPrefix ? { prefix: int32(behind(layout.prefix, 0), shape) } : {}),
    registers: int32(
      behind(new Int32Array(rows * time).fill(-1), tableRows(registers, vectorPerOffset)),
      shape,
    ),
    targets: int32(shiftedTargets(batch, layout, 1, scope), [rows, time]),
    registerTargets: int32(registers.targets, [rows, count]),
    offsetNumbers: int32(
      Int32Array.from(registers.offsets, ({ index }) => index),
      [rows],
    ),
  };
}

/** Each row of `real` followed by the same row of `added`, which is `[rows, addedWidth]` or one value for all. */
function join(
  real: Int32Array,
  added: Int32Array | number,
  rows: number,
  realWidth: number,
  addedWidth: number,
): Int32Array {
  const width = realWidth + addedWidth;
  const joined = new Int32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    joined.set(real.subarray(row * realWidth, (row + 1) * realWidth), row * width);
    const begin = row * width + realWidth;
    if (typeof added === 'number') joined.fill(added, begin, begin + addedWidth);
    else joined.set(added.subarray(row * addedWidth, (row + 1) * addedWidth), begin);
  }
  return joined;
}

/** 1, 2, .. in each row: registers are told apart by these numbers, real tokens have 0. */
function slots(rows: number, count: number): Int32Array {
  return Int32Array.from({ length: rows * count }, (_, index) => 1 + (index % count));
}

/** Row of the register table for each register; -1, which adds nothing, for unused ones. */
function tableRows({ segment, offsets, count }: RegisterLayout, each: boolean): Int32Array {
  return segment.map((document, index) => {
    if (document < 0) return -1;
    return each ? (offsets[Math.floor(index / count)]?.index as number) : 0;
  });
}
