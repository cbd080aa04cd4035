import type { Recipe } from './recipe.js';

/** Everything needed to run a run again: the `config.json` of its folder. */
export interface RunRecord {
  readonly recipe: Recipe;
  readonly objective: string;
  /** Complete settings of the objective. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly adapter: { readonly name: string; readonly software: boolean };
  readonly versions: Readonly<Record<string, string>>;
  /** The command that made the run, if one did. */
  readonly command?: string;
  /** The commit of the code, if known. */
  readonly commit?: string;
}

export interface StartEvent {
  readonly type: 'start';
  /** 0, or the step of the checkpoint from which the run goes on. */
  readonly step: number;
  readonly parameters: number;
  readonly extraParameters: number;
  readonly flopsPerStep: number;
  readonly tokensPerStep: number;
}

/** Of one update, though there may have been several since the last line. */
export interface MetricsEvent {
  readonly type: 'metrics';
  /** Updates made. */
  readonly step: number;
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  /** Before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Training FLOPs so far. */
  readonly flops: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
}

export interface EvaluationEvent {
  readonly type: 'evaluation';
  readonly step: number;
  readonly flops: number;
  readonly seconds: number;
  /** Mean of each metric of the task over the held-out questions. */
  readonly scores: Readonly<Record<string, number>>;
}

export interface CheckpointEvent {
  readonly type: 'checkpoint';
  readonly step: number;
}

/** The `summary.json` of a run. */
export interface RunSummary {
  readonly objective: string;
  readonly seed: number;
  /** Share of the final questions with the right path, and with the right first node behind the start. */
  readonly exactMatch: number;
  readonly firstHop: number;
  readonly chance: number;
  readonly solvedAtStep: number | null;
  readonly steps: number;
  readonly flops: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
  readonly parameters: number;
  readonly extraParameters: number;
  readonly finalQuestions: number;
  /** The answers to the first final questions, as token ids. */
  readonly answers: readonly (readonly number[])[];
}

export interface DoneEvent {
  readonly type: 'done';
  readonly summary: RunSummary;
}

export type TrainEvent = StartEvent | MetricsEvent | EvaluationEvent | CheckpointEvent | DoneEvent;
