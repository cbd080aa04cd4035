import type { RunInfo } from './run-info.js';

/** What a run came to; null where it was not measured. */
export interface RunFigures {
  readonly step: number;
  /** Updates at most; null where the recipe counts epochs. */
  readonly steps: number | null;
  readonly loss: number | null;
  /** Of the model that was kept, else the lowest. */
  readonly validationLoss: number | null;
  /** Metrics of the task: those of the test at the end, else of the last evaluation. */
  readonly scores: Readonly<Record<string, number>>;
  readonly tokens: number | null;
  readonly flops: number | null;
  readonly seconds: number | null;
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const numberOr = (value: unknown): number | null => (isNumber(value) ? value : null);

const numbersOf = (scores: unknown): Record<string, number> =>
  Object.fromEntries(
    Object.entries((scores ?? {}) as Record<string, unknown>).filter((entry): entry is [string, number] =>
      isNumber(entry[1]),
    ),
  );

/** The figures of a run, from its summary or from what it logged. */
export function figuresOf({ record, summary, metrics, evaluations }: RunInfo): RunFigures {
  const last = metrics.at(-1);
  const losses = evaluations.map(({ validationLoss }) => validationLoss).filter(isNumber);
  const final = numbersOf(summary?.scores);
  const scores = Object.keys(final).length > 0 ? final : numbersOf(evaluations.at(-1)?.scores);
  return {
    step: numberOr(summary?.steps) ?? last?.step ?? 0,
    steps: numberOr(record.recipe.steps),
    loss: numberOr(last?.loss),
    validationLoss: numberOr(summary?.validationLoss) ?? (losses.length > 0 ? Math.min(...losses) : null),
    scores,
    tokens: numberOr(summary?.tokens) ?? numberOr(last?.tokens),
    flops: numberOr(summary?.flops) ?? numberOr(last?.flops),
    seconds: numberOr(summary?.seconds) ?? numberOr(last?.seconds),
  };
}
