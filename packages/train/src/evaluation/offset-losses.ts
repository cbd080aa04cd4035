// B sequences, n places, K offsets.
import type { SequenceTask } from '@foretoken/data';
import type { Transformer } from '@foretoken/models';
import { IGNORE, type LossInputs, type Objective, type OffsetPass } from '@foretoken/objectives';
import { type CompiledStep, stack, type Tensor } from '@foretoken/tensor';
import { firstSequences, type HeldOutExamples, heldOutBatches } from './held-out-batches.js';

/** The loss at one distance to the target. */
export interface OffsetLoss {
  /** Tokens from the one that is read last to the one that is predicted; 1 for the next. */
  readonly offset: number;
  /** Mean in nats over the targets at this distance. */
  readonly loss: number;
  /** Targets. */
  readonly tokens: number;
}

/**
 * The loss of a trained objective on held-out examples at every distance that it predicts: of MuToR with registers at all
 * places that had them in training, one offset at a time; of multi-token prediction of every head. Two methods that look
 * equally far ahead are scored on the same targets.
 *
 * @returns one entry for each distance, nearest first; none for an objective that predicts the next token alone
 */
export async function measureOffsets(
  model: Transformer,
  objective: Objective,
  task: SequenceTask,
  examples: HeldOutExamples,
): Promise<OffsetLoss[]> {
  const found: OffsetLoss[] = [];
  for (const pass of objective.offsetPasses?.() ?? []) {
    found.push(...(await measurePass(model, pass, task, examples)));
  }
  return found.sort((a, b) => a.offset - b.offset);
}

async function measurePass(
  model: Transformer,
  pass: OffsetPass,
  task: SequenceTask,
  examples: HeldOutExamples,
): Promise<OffsetLoss[]> {
  const totals = pass.offsets.map(() => ({ sum: 0, tokens: 0 }));
  // Sums over the places of a sequence in f32, over sequences in double precision.
  const step: CompiledStep<LossInputs, { sums: Tensor; counts: Tensor }> = model.device.compile(
    (inputs: LossInputs) => {
      const losses = pass.losses(model, inputs);
      return {
        sums: stack(losses.map((each) => each.losses.sum(1))),
        counts: stack(losses.map((each) => each.targets.ne(IGNORE).cast('i32').sum(1))),
      };
    },
    { name: `loss at offset ${pass.offsets.join(', ')}` },
  );
  try {
    for (const batch of heldOutBatches(task, examples, firstSequences)) {
      const result = step.run(pass.prepare(batch));
      const [sums, counts] = [await result.sums.data(), await result.counts.data()];
      totals.forEach((total, at) => {
        for (let row = at * batch.batch; row < (at + 1) * batch.batch; row++) {
          total.sum += sums[row] as number;
          total.tokens += counts[row] as number;
        }
      });
      result.sums.dispose();
      result.counts.dispose();
    }
  } finally {
    step.dispose();
  }
  return pass.offsets.map((offset, at): OffsetLoss => {
    const { sum, tokens } = totals[at] as { sum: number; tokens: number };
    return { offset, loss: sum / tokens, tokens };
  });
}
