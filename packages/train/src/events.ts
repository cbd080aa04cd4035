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
  /** SHA-256 of each data file. */
  readonly data?: Readonly<Record<string, string>>;
  /** SHA-256 of each file of the pretrained model that the run began with. */
  readonly model?: Readonly<Record<string, string>>;
  /** Which files the two are of; runs of earlier versions, which recorded fewer, do not say it. */
  readonly fingerprints?: number;
  /** When the run began, in milliseconds since 1970. */
  readonly startedAt?: number;
}

export interface StartEvent {
  readonly type: 'start';
  /** 0, or the step of the checkpoint from which the run goes on. */
  readonly step: number;
  /** Updates at most. */
  readonly steps: number;
  readonly parameters: number;
  readonly extraParameters: number;
  /** Of the first update; batches of text differ in length. */
  readonly flopsPerStep: number;
  readonly tokensPerStep: number;
  /** What became of the data, a line for each split. */
  readonly reports: readonly string[];
}

/** Of one update, though there may have been several since the last line. */
export interface MetricsEvent {
  readonly type: 'metrics';
  /** Updates made. */
  readonly step: number;
  readonly loss: number;
  /** Without those that the batch had no target of: registers at an offset that no sequence drew. */
  readonly parts: Readonly<Record<string, number>>;
  /** Before clipping. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Training FLOPs so far. */
  readonly flops: number;
  /** Training tokens so far, without padding. */
  readonly tokens: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
  /** The most GPU memory that was held at once, by any of the processes that worked on the run. */
  readonly peakBytes: number;
}

export interface EvaluationEvent {
  readonly type: 'evaluation';
  readonly step: number;
  readonly flops: number;
  readonly seconds: number;
  /** Mean of each metric of the task over the validation questions. */
  readonly scores: Readonly<Record<string, number>>;
  /** Mean next-token loss over the scored tokens of the validation examples, without auxiliary parts. */
  readonly validationLoss?: number;
  /** Whether it is the best so far, where one is chosen. */
  readonly isBest?: boolean;
}

/** A text that the model wrote. */
export interface TextSample {
  readonly prompt: string;
  /** What the model wrote behind it. */
  readonly text: string;
}

/** What the model wrote at an evaluation, where the recipe asks for samples. */
export interface SampleEvent {
  readonly type: 'sample';
  readonly step: number;
  readonly samples: readonly TextSample[];
}

/** Loss or gradient was not finite; the run ends here. */
export interface FailureEvent {
  readonly type: 'failure';
  /** The update that was not made. */
  readonly step: number;
  readonly loss: string;
  readonly gradientNorm: string;
  /** Holds the batch, and the parameters before it. */
  readonly folder: string;
}

/** A run did not resume as was to be expected: its newest checkpoint was damaged, for instance. */
export interface WarningEvent {
  readonly type: 'warning';
  /** Where training resumes. */
  readonly step: number;
  readonly message: string;
}

export interface CheckpointEvent {
  readonly type: 'checkpoint';
  readonly step: number;
}

/** What a run does where it makes no updates. */
export interface Phase {
  /** `data`: reads and encodes. `weights`: loads those of a pretrained model. `measure`: what a study measures of a run. */
  readonly phase: 'data' | 'weights' | 'compile' | 'validation' | 'questions' | 'test' | 'measure';
  /** How much of it is done, and of how much; neither where that is not known. */
  readonly done?: number;
  readonly total?: number;
  readonly unit?: 'bytes' | 'shaders' | 'batches' | 'questions';
}

/** Tells how far a run has come with what is no update; it is not logged. */
export interface PhaseEvent extends Phase {
  readonly type: 'phase';
}

/** Is told what a run does where it makes no updates. */
export type OnPhase = (phase: Phase) => void;

/** What stops work that takes long, and hears how far it is. */
export interface WorkControl {
  readonly signal?: AbortSignal | undefined;
  readonly onPhase?: OnPhase | undefined;
}

/** The `summary.json` of a run. */
export interface RunSummary {
  readonly objective: string;
  readonly seed: number;
  /** Mean of each metric of the task over the final questions, which no evaluation has seen. */
  readonly scores: Readonly<Record<string, number>>;
  /** What guessing gives of the first metric; 0 where that is not known. */
  readonly chance: number;
  /** The step whose parameters were scored and saved: the best one, or the last. */
  readonly modelStep: number;
  /** Validation loss there, where it was measured. */
  readonly validationLoss: number | null;
  /** Where the model was saved for other tools, within the folder of the run; null where none can express it. */
  readonly model: string | null;
  readonly solvedAtStep: number | null;
  /** Why training ended; runs of earlier versions do not say it. */
  readonly endedBy?: 'budget' | 'solved' | 'patience';
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
  /** What the model that was kept wrote, where the recipe asks for samples. */
  readonly samples?: readonly TextSample[];
}

export interface DoneEvent {
  readonly type: 'done';
  readonly summary: RunSummary;
}

export type TrainEvent =
  | PhaseEvent
  | StartEvent
  | WarningEvent
  | MetricsEvent
  | EvaluationEvent
  | SampleEvent
  | CheckpointEvent
  | FailureEvent
  | DoneEvent;
