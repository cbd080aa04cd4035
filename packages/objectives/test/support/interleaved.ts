import type { Transformer } from '@foretoken/models';
import { crossEntropy, type Tensor } from '@foretoken/tensor';
import type { Mutor } from '../../src/index.js';
import { officialLayout } from './official-layout.js';

export interface InterleavedLoss {
  readonly nextToken: Tensor;
  readonly registers: Tensor;
  /** Logits `[tokens and registers, V]` of each sequence, in interleaved order. */
  readonly logits: readonly Tensor[];
  /** What each row of the logits is: a token, or 'r' for a register. */
  readonly kinds: readonly (readonly (number | 'r')[])[];
}

/**
 * MuToR as its published code computes it: registers between the tokens, a dense mask in memory, whole logits. Each
 * sequence runs by itself; the means are taken over the targets of all.
 */
export function interleavedLoss(
  model: Transformer,
  objective: Mutor,
  sequences: readonly { tokens: readonly number[]; prefix: number; offset: number }[],
  bidirectional: boolean,
): InterleavedLoss {
  const { device } = model;
  const table = objective.registers;
  if (table === undefined) throw new Error('The objective has no registers.');
  const layouts = sequences.map(({ tokens, prefix, offset }) =>
    officialLayout(tokens, prefix, offset, bidirectional),
  );
  const logits = layouts.map(({ kinds, positions, mask }) => {
    const size = kinds.length;
    const ids = (values: readonly number[]): Tensor =>
      device.tensor(Int32Array.from(values), { shape: [1, size] });
    const hidden = model.trunk({
      tokens: ids(kinds.map((kind) => (kind === 'r' ? -1 : kind))),
      embeddings: table.forward(ids(kinds.map((kind) => (kind === 'r' ? 0 : -1)))),
      positions: ids(positions),
      mask: device
        .tensor(
          mask.map((row) => [...row]),
          { dtype: 'bool' },
        )
        .reshape([1, 1, size, size]),
    });
    return model.logits(hidden).squeeze(0);
  });
  const mean = (ofRegisters: boolean): Tensor => {
    const kept = layouts.map(({ kinds, targets }) =>
      targets.map((target, at) => ((kinds[at] === 'r') === ofRegisters ? target : -100)),
    );
    const sums = logits.map((rows, index) =>
      crossEntropy(rows, device.tensor(Int32Array.from(kept[index] ?? [])), { reduction: 'sum' }),
    );
    const count = kept.flat().filter((target) => target >= 0).length;
    return sums.reduce((total, sum) => total.add(sum)).div(Math.max(count, 1));
  };
  return { nextToken: mean(false), registers: mean(true), logits, kinds: layouts.map(({ kinds }) => kinds) };
}
