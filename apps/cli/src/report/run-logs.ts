import {
  type EvaluationEvent,
  type MetricsEvent,
  RunFolder,
  type RunRecord,
  type RunSummary,
} from '@foretoken/train';
import { type ComparisonSummary, runPath } from '../summary.js';

/** What the report draws of a run. */
export interface RunLog {
  /** The objective, or the variant of a study: runs of one look. */
  readonly objective: string;
  readonly seed: number;
  readonly metrics: readonly MetricsEvent[];
  readonly evaluations: readonly EvaluationEvent[];
  readonly record: RunRecord | undefined;
  readonly summary: RunSummary | undefined;
}

/** Reads the folder of a run; `objective` is what its report calls it by. */
export function readRunLog(path: string, objective: string, seed: number): RunLog {
  const folder = new RunFolder(path);
  const events = folder.events();
  return {
    objective,
    seed,
    metrics: events.filter(({ type }) => type === 'metrics') as unknown as MetricsEvent[],
    evaluations: events.filter(({ type }) => type === 'evaluation') as unknown as EvaluationEvent[],
    record: folder.record(),
    summary: folder.summary(),
  };
}

/** Reads the folder of every run that a comparison names. */
export function readRunLogs(out: string, { objectives }: ComparisonSummary): RunLog[] {
  return objectives.flatMap(({ objective, seeds }) =>
    seeds.map(({ seed }) => readRunLog(runPath(out, objective, seed), objective, seed)),
  );
}
