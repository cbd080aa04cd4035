import { existsSync } from 'node:fs';
import { oneLine } from '@foretoken/input';
import { readJsonFile } from '@foretoken/input/node';
import { z } from 'zod';
import { RunFolderError } from '../errors.js';
import type { RunRecord, RunSummary } from '../events.js';
import type { OlderSummary } from '../older-summary.js';
import { describeProblems } from '../problems.js';

/** Bytes that a JSON file of a run folder may have: a summary holds a few answers, and no more. */
const MAX_BYTES = 2 ** 26;

const whole = z.int().nonnegative();
const amount = z.number().nonnegative();
/** JSON has no NaN and no infinities: `null` stands for them. */
const measured = z.number().nullable();
const scores = z.record(z.string(), measured);
const digests = z.record(z.string(), z.string());

/** The fields that are relied on; later versions may write others beside them. */
const recordSchema = z.looseObject({
  recipe: z.record(z.string(), z.unknown()),
  objective: z.string(),
  settings: z.record(z.string(), z.unknown()),
  seed: whole,
  adapter: z.looseObject({ name: z.string(), software: z.boolean() }),
  versions: z.record(z.string(), z.string()),
  command: z.string().optional(),
  commit: z.string().optional(),
  data: digests.optional(),
  model: digests.optional(),
  fingerprints: whole.optional(),
  startedAt: amount.optional(),
});

const summarySchema = z.looseObject({
  objective: z.string(),
  seed: whole,
  scores,
  chance: z.number(),
  modelStep: whole,
  validationLoss: measured,
  model: z.string().nullable(),
  solvedAtStep: whole.nullable(),
  endedBy: z.enum(['budget', 'solved', 'patience']).optional(),
  steps: whole,
  flops: amount,
  tokens: amount,
  seconds: amount,
  tokensPerSecond: amount,
  parameters: whole,
  extraParameters: whole,
  finalQuestions: whole,
  answers: z.array(z.array(z.number())),
  run: z.string().optional(),
});

/** Before tasks could have metrics of their own. */
const olderSummarySchema = z.looseObject({ steps: whole, exactMatch: z.number(), firstHop: z.number() });

const choicesSchema = z.record(z.string(), z.string());

/**
 * The value of a JSON file of a run folder, undefined where there is none.
 *
 * @param advice - what to do about a damaged file
 * @throws RunFolderError in one line that names the file and what is wrong with it
 */
function readRunFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  advice: string,
): z.output<Schema> | undefined {
  if (!existsSync(path)) return undefined;
  let value: unknown;
  try {
    value = readJsonFile(path, { error: RunFolderError, maxBytes: MAX_BYTES });
  } catch (cause) {
    throw new RunFolderError(`${(cause as Error).message.replace(/\.$/, '')}. ${advice}`, { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  // Where a file is something else, one thing that is wrong says as much as all of them.
  const first = new z.ZodError(result.error.issues.slice(0, 1));
  throw new RunFolderError(`${path} is damaged (${oneLine(describeProblems(schema, first))}). ${advice}`);
}

/** @throws RunFolderError where it is damaged */
export const readRecord = (path: string): RunRecord | undefined =>
  readRunFile(
    path,
    recordSchema,
    'Put it back, or remove it: the checkpoints then say whether the run is the same.',
  ) as RunRecord | undefined;

/** A summary, and the run that it is of; runs of earlier versions do not say that. */
export type StoredSummary = (RunSummary | (RunSummary & OlderSummary)) & { readonly run?: string };

/** @throws RunFolderError where it is damaged */
export function readSummary(path: string): StoredSummary | undefined {
  const advice = 'Put it back, or remove it: the run then ends again from its last checkpoint.';
  const value = readRunFile(path, z.looseObject({}), advice);
  if (value === undefined) return undefined;
  const schema = 'scores' in value || !('exactMatch' in value) ? summarySchema : olderSummarySchema;
  return readRunFile(path, schema, advice) as unknown as StoredSummary;
}

/** @throws RunFolderError where it is damaged */
export const readChoices = (path: string): Record<string, string> | undefined =>
  readRunFile(path, choicesSchema, 'Put it back, or remove it: kernels are then chosen anew.');

/** Which checkpoint was saved last; undefined where none was. @throws RunFolderError where it is damaged */
export const readLastSaved = (path: string): number | undefined =>
  readRunFile(path, z.looseObject({ step: whole }), 'Put it back, or remove it.')?.step;
