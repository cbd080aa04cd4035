import { join } from 'node:path';
import { allObjectives } from '@foretoken/objectives';
import type { Recipe, RunRecord, RunSummary } from '@foretoken/train';
import { formatCount, formatFixed, formatShare, formatTable } from './format.js';
import { type Interval, interval, intervalText, meanOf } from './statistics.js';

export interface SeedSummary {
  readonly seed: number;
  readonly exactMatch: number;
  readonly firstHop: number;
  readonly solvedAtStep: number | null;
  readonly steps: number;
  readonly flops: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
}

export interface ObjectiveSummary {
  readonly objective: string;
  readonly extraParameters: number;
  readonly exactMatch: Interval;
  readonly firstHop: Interval;
  readonly seeds: readonly SeedSummary[];
}

/** The `summary.json` of a comparison. */
export interface ComparisonSummary {
  readonly recipe: Recipe;
  readonly command: string;
  readonly adapter: { readonly name: string; readonly software: boolean };
  readonly chance: number;
  readonly parameters: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly objectives: readonly ObjectiveSummary[];
}

/** The folder of one run of a comparison. */
export const runPath = (out: string, objective: string, seed: number): string =>
  join(out, `${objective}-seed${seed}`);

/** What a reader calls an objective. */
export const objectiveTitle = (name: string): string =>
  allObjectives.find((kind) => kind.name === name)?.title ?? name;

/** A run that has ended. */
export interface FinishedRun {
  readonly summary: RunSummary;
  readonly record: RunRecord;
}

/** A metric of a run; comparisons are of tasks that have it. */
const scoreOf = ({ scores }: RunSummary, metric: string): number => {
  const score = scores[metric] as number | null | undefined;
  // JSON has null for what is no number.
  return score === null ? Number.NaN : (score ?? 0);
};

/** Summarizes finished runs, objectives in the order given. */
export function summarize(recipe: Recipe, command: string, runs: readonly FinishedRun[]): ComparisonSummary {
  const first = runs[0] as FinishedRun;
  const names = [...new Set(runs.map(({ summary }) => summary.objective))];
  const objectives = names.map((objective): ObjectiveSummary => {
    const own = runs.map(({ summary }) => summary).filter((summary) => summary.objective === objective);
    return {
      objective,
      extraParameters: own[0]?.extraParameters ?? 0,
      exactMatch: interval(own.map((run) => scoreOf(run, 'exactMatch'))),
      firstHop: interval(own.map((run) => scoreOf(run, 'firstHop'))),
      seeds: own.map((run) => {
        const { seed, solvedAtStep, steps, flops, tokens, seconds, tokensPerSecond } = run;
        const scores = { exactMatch: scoreOf(run, 'exactMatch'), firstHop: scoreOf(run, 'firstHop') };
        return { seed, ...scores, solvedAtStep, steps, flops, tokens, seconds, tokensPerSecond };
      }),
    };
  });
  const { adapter, versions } = first.record;
  const parameters = first.summary.parameters - first.summary.extraParameters;
  return { recipe, command, adapter, chance: first.summary.chance, parameters, versions, objectives };
}

/** A mean with its interval where there is one. */
export const shareText = (interval: Interval, seeds: number): string =>
  intervalText(interval, seeds, formatShare);

/** The table that a comparison ends with; sums and means are over seeds as the header says. */
export function comparisonTable({ objectives }: ComparisonSummary): string {
  const several = objectives.some(({ seeds }) => seeds.length > 1);
  const header = [
    'objective',
    several ? 'exact match [95%]' : 'exact match',
    'solved',
    'first hop',
    'extra params',
    'FLOPs',
    'tokens',
    'seconds',
    'tokens/s',
  ];
  const rows = objectives.map(({ objective, extraParameters, exactMatch, firstHop, seeds }) => {
    const average = (pick: (seed: SeedSummary) => number): number => meanOf(seeds.map(pick));
    return [
      objectiveTitle(objective),
      shareText(exactMatch, seeds.length),
      `${seeds.filter(({ solvedAtStep }) => solvedAtStep !== null).length}/${seeds.length}`,
      formatShare(firstHop.mean),
      extraParameters.toLocaleString('en'),
      formatCount(average(({ flops }) => flops)),
      formatCount(average(({ tokens }) => tokens)),
      formatFixed(
        average(({ seconds }) => seconds),
        0,
      ),
      formatCount(average(({ tokensPerSecond }) => tokensPerSecond)),
    ];
  });
  return formatTable(header, rows);
}
