import { oneLine, parseJson } from '@foretoken/input';
import { z } from 'zod';
import { RunFolderError } from '../errors.js';
import { describeProblems } from '../problems.js';

/** The evaluation that has been best so far. */
export interface BestEvaluation {
  readonly step: number;
  /** Of what the recipe chooses by. */
  readonly value: number;
  readonly validationLoss: number | null;
}

/** Where a run stands, saved with its tensors. */
export interface Progress {
  /** Updates made. */
  readonly step: number;
  /** Time spent on updates, and in all, by all processes that worked on the run. */
  readonly trainSeconds: number;
  readonly seconds: number;
  /** Length of the log that belongs to this state. */
  readonly logBytes: number;
  /** The step of the evaluation that found the task solved, if one did. */
  readonly solvedAtStep: number | null;
  /** Training FLOPs and tokens so far; runs of earlier versions, whose batches are all alike, do not have them. */
  readonly flops?: number;
  readonly tokens?: number;
  /** The most GPU memory that a process on the run held at once; runs of earlier versions do not say. */
  readonly peakBytes?: number;
  /** The best evaluation so far, whose parameters are kept beside the checkpoint. */
  readonly best?: BestEvaluation | null;
  /** Evaluations since the best one. */
  readonly worse?: number;
  /** Whether training was stopped when these parameters had yet to be evaluated. */
  readonly evaluationDue?: boolean;
}

const whole = z.int().nonnegative();
const amount = z.number().nonnegative();

const progressSchema = z.looseObject({
  step: whole,
  trainSeconds: amount.default(0),
  seconds: amount.default(0),
  logBytes: whole.default(0),
  solvedAtStep: whole.nullable().default(null),
  flops: amount.optional(),
  tokens: amount.optional(),
  peakBytes: amount.optional(),
  best: z.looseObject({ step: whole, value: z.number(), validationLoss: z.number().nullable() }).nullish(),
  worse: whole.optional(),
  evaluationDue: z.boolean().optional(),
});

/** @throws RunFolderError saying what is wrong with it */
export function parseProgress(text: string): Progress {
  const value = parseJson(text, { what: 'its progress', error: RunFolderError });
  const result = progressSchema.safeParse(value);
  if (result.success) return result.data as Progress;
  throw new RunFolderError(
    `its progress is damaged (${oneLine(describeProblems(progressSchema, result.error))})`,
  );
}
