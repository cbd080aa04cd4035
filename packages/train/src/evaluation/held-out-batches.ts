import type { SequenceBatch, Split, Task } from '@foretoken/data';

/** The first examples of a held-out split. */
export interface HeldOutExamples {
  readonly split: Exclude<Split, 'train'>;
  readonly count: number;
  /** Examples that go through the model at a time. */
  readonly batch: number;
}

/**
 * Batches of one size that hold these examples; held-out examples start again at their end, and what the last batch has
 * beyond them counts for nothing.
 *
 * @param onlyFirst - takes targets from all but the first `wanted` examples of a batch
 */
export function* heldOutBatches<Batch>(
  task: Task<Batch>,
  { split, count, batch }: HeldOutExamples,
  onlyFirst: (batch: Batch, wanted: number) => Batch,
): Generator<Batch, void> {
  for (let first = 0; first < count; first += batch) {
    const examples = task.batch(split, first / batch, batch);
    yield count - first < batch ? onlyFirst(examples, count - first) : examples;
  }
}

/** The batch with no targets behind its first `wanted` sequences. */
export function firstSequences(examples: SequenceBatch, wanted: number): SequenceBatch {
  const { time, channels, tokens, targets } = examples;
  const kept = targets?.slice() ?? tokens.filter((_, at) => at % channels === 0);
  return { ...examples, targets: kept.fill(-1, wanted * time) };
}
