import type { EvaluatedUnit, EvaluationProgress, Figure } from '@foretoken/train';

/** What a task makes of one model. */
export interface Outcome {
  readonly figures: readonly Figure[];
  readonly units: readonly EvaluatedUnit[];
  /** Counts and sizes that stand beside the figures in JSON. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** One line of `samples.jsonl` each. */
  readonly samples: readonly object[];
  /** What a reader of the figures has to know. */
  readonly notes: readonly string[];
}

export type OnProgress = (progress: EvaluationProgress) => void;
