import { type EvaluationEvent, type MetricsEvent, RunFolder } from '@foretoken/train';

/** What a report draws of a run. */
export interface RunLog {
  /** The objective, or the variant of a study: runs of one look. */
  readonly objective: string;
  readonly seed: number;
  readonly metrics: readonly Pick<MetricsEvent, 'step' | 'parts'>[];
  readonly evaluations: readonly Pick<
    EvaluationEvent,
    'step' | 'flops' | 'seconds' | 'scores' | 'validationLoss'
  >[];
}

/** Points of a line that anybody can tell apart, and some more. */
const MOST_POINTS = 400;

/** Evenly chosen elements, the last one among them. */
export function thinned<Element>(all: readonly Element[], most = MOST_POINTS): readonly Element[] {
  if (all.length <= most) return all;
  const stride = Math.ceil(all.length / most);
  return all.filter((_, at) => at % stride === 0 || at === all.length - 1);
}

/**
 * Reads the log of a run, as far as drawings need it; `objective` is what its report calls it by.
 *
 * @throws RunFolderError in one line that names the line that is damaged
 */
export function readRunLog(path: string, objective: string, seed: number): RunLog {
  const events = new RunFolder(path).events();
  const metrics = events.flatMap(({ type, step, parts }) =>
    type === 'metrics' ? [{ step, parts: parts ?? {} } as unknown as MetricsEvent] : [],
  );
  const evaluations = events.flatMap(({ type, step, flops, seconds, scores, validationLoss }) =>
    type === 'evaluation'
      ? [{ step, flops, seconds, scores: scores ?? {}, validationLoss } as unknown as EvaluationEvent]
      : [],
  );
  return { objective, seed, metrics: thinned(metrics), evaluations: thinned(evaluations) };
}
