import type { SequenceBatch, SequenceTask, Split } from '@foretoken/data';

/** The first examples of a held-out split. */
export interface HeldOutExamples {
  readonly split: Exclude<Split, 'train'>;
  readonly count: number;
  /** Examples that go through the model at a time. */
  readonly batch: number;
}

/** Batches of one size that hold these examples; what the last has beyond them has no targets. */
export function* heldOutBatches(
  task: SequenceTask,
  { split, count, batch }: HeldOutExamples,
): Generator<SequenceBatch, void> {
  for (let first = 0; first < count; first += batch) {
    yield onlyFirst(task.batch(split, first / batch, batch), count - first);
  }
}

/** The batch with no targets behind its first `wanted` sequences: held-out examples start again at their end. */
function onlyFirst(examples: SequenceBatch, wanted: number): SequenceBatch {
  const { batch, time, channels, tokens, targets } = examples;
  if (wanted >= batch) return examples;
  const kept = targets?.slice() ?? tokens.filter((_, at) => at % channels === 0);
  return { ...examples, targets: kept.fill(-1, wanted * time) };
}
