import type { SequenceTask } from '@foretoken/data';
import {
  type GenerateOptions,
  type SpeculationReport,
  SpeculativeGenerator,
  TokenGenerator,
} from '@foretoken/models';
import { z } from 'zod';
import { RecipeError } from '../errors.js';
import { measureOffsets, type OffsetLoss } from '../evaluation/offset-losses.js';
import { describeProblems } from '../problems.js';
import { sequencesOf } from '../sequence-work.js';
import type { Session } from '../session.js';

/** Limits far above what anybody measures. */
const MOST_EXAMPLES = 10_000_000;
const MOST_PROMPTS = 10_000;
const MOST_TOKENS = 65_536;

const examples = z.int().positive().max(MOST_EXAMPLES);
const tokens = z.int().positive().max(MOST_TOKENS);

/** Settings of what is measured on running text, with what each means. */
export const textMeasuresSchema = z.strictObject({
  testExamples: examples
    .optional()
    .describe('test examples whose next-token loss is measured; all when absent'),
  offsetExamples: examples.default(64).describe('test examples of which the losses by offset are'),
  prompts: z
    .int()
    .nonnegative()
    .max(MOST_PROMPTS)
    .default(6)
    .describe(
      'beginnings of test documents that are continued to see which drafts the model accepts; 0 for none',
    ),
  promptTokens: tokens.default(32).describe('tokens of each beginning'),
  newTokens: tokens.default(48).describe('tokens that each is continued with'),
});

/** How runs on running text are measured. */
export type TextMeasureSettings = z.output<typeof textMeasuresSchema>;

/** @throws RecipeError listing what is wrong */
export function parseTextMeasures(settings: unknown): TextMeasureSettings {
  const result = textMeasuresSchema.safeParse(settings);
  if (result.success) return result.data;
  throw new RecipeError(`study, measure: ${describeProblems(textMeasuresSchema, result.error)}`);
}

/** What a trained model is worth on sequences that nothing has seen before: the test split. */
export interface LossMeasures {
  /** Mean next-token loss in nats; registers, heads and dropout removed. */
  readonly testLoss: number;
  readonly offsets: readonly OffsetLoss[];
  /** What became of greedy drafts; null where the objective drafts nothing. */
  readonly drafts: SpeculationReport | null;
  /** How much greedy text repeats itself, as {@link repetitionOf}; null without prompts. Such text is easy to draft. */
  readonly repetition: number | null;
}

/**
 * Mean next-token loss of a session's model, as it is, on the test split.
 *
 * @throws RecipeError when there is no test text
 */
export async function measureTestLoss(session: Session, settings: TextMeasureSettings): Promise<number> {
  const work = sequencesOf(session);
  const examples = testExamples(work.task, settings.testExamples);
  const loss = work.heldOutLoss(batchOf(session));
  try {
    return await loss.measure(examples, 'test');
  } finally {
    loss.dispose();
  }
}

/** Measures a trained model. @throws RecipeError when there is no test text, or too little */
export async function measureText(session: Session, settings: TextMeasureSettings): Promise<LossMeasures> {
  const { task, model, objective } = sequencesOf(session);
  const examples = testExamples(task, settings.offsetExamples);
  return {
    testLoss: await measureTestLoss(session, settings),
    offsets: await measureOffsets(model, objective, task, {
      split: 'test',
      count: examples,
      batch: batchOf(session),
    }),
    drafts: await measureDrafts(session, settings),
    repetition: await measureRepetition(session, settings),
  };
}

const batchOf = ({ recipe }: Session): number => recipe.batch / recipe.optimizer.accumulate;

function testExamples(task: SequenceTask, wanted = Number.POSITIVE_INFINITY): number {
  const there = task.exampleCount?.('test') ?? 0;
  if (there > 0) return Math.min(there, wanted);
  throw new RecipeError(
    'study: there is no test text to measure on. Give task.files.test, or a task.testShare above 0.',
  );
}

/** Continues test text greedily with what the objective drafts. */
async function measureDrafts(
  session: Session,
  { prompts, promptTokens, newTokens }: TextMeasureSettings,
): Promise<SpeculationReport | null> {
  const { task, model, objective } = sequencesOf(session);
  const drafter = objective.offsetPasses?.().length ? objective.drafter?.() : undefined;
  if (drafter === undefined || prompts === 0) return null;
  const generator = new SpeculativeGenerator(model, drafter, { capacity: promptTokens + newTokens });
  try {
    for (const prompt of testPrompts(task, prompts, promptTokens))
      await generator.generate(prompt, greedyOptions(session, newTokens));
    return generator.report;
  } finally {
    generator.dispose();
  }
}

function greedyOptions(session: Session, newTokens: number): GenerateOptions {
  const end = sequencesOf(session).tokenizer?.endToken;
  return { maxNewTokens: newTokens, greedy: true, stopTokens: end === undefined ? [] : [end] };
}

/** How much the greedy continuations repeat themselves that drafts are measured on. */
export async function measureRepetition(
  session: Session,
  { prompts, promptTokens, newTokens }: TextMeasureSettings,
): Promise<number | null> {
  if (prompts === 0) return null;
  const { task, model } = sequencesOf(session);
  const generator = new TokenGenerator(model, { batch: prompts, capacity: promptTokens + newTokens });
  try {
    const written = testPrompts(task, prompts, promptTokens);
    return repetitionOf(await generator.generate(written, greedyOptions(session, newTokens)));
  } finally {
    generator.dispose();
  }
}

/** Tokens of a stretch that may have occurred before. */
const STRETCH = 4;

/**
 * The share of stretches of four tokens that have occurred before in the same text: `1 - distinct / all`, the seq-rep-4 of
 * Welleck et al., arXiv 1908.04319; 0 of texts that are too short to have any.
 */
export function repetitionOf(texts: readonly (readonly number[])[]): number {
  let [all, distinct] = [0, 0];
  for (const tokens of texts) {
    const found = new Set<string>();
    for (let end = STRETCH; end <= tokens.length; end++)
      found.add(tokens.slice(end - STRETCH, end).join(' '));
    all += Math.max(0, tokens.length - STRETCH + 1);
    distinct += found.size;
  }
  return all === 0 ? 0 : 1 - distinct / all;
}

/**
 * Stretches of `length` tokens of one document each, from rows that lie evenly in the test split.
 *
 * @throws RecipeError when there are too few
 */
export function testPrompts(task: SequenceTask, wanted: number, length: number): number[][] {
  const rows = task.exampleCount?.('test') ?? 0;
  const found: number[][] = [];
  for (let row = 0; row < rows; row++) {
    const { tokens, lengths, documents } = task.batch('test', row, 1);
    const end = lengths[0] as number;
    for (let first = 0; first + length <= end; first++) {
      const isOne = documents === undefined || documents[first] === documents[first + length - 1];
      const begins = first === 0 || documents?.[first - 1] !== documents?.[first];
      if (!isOne || !begins) continue;
      found.push([...tokens.subarray(first, first + length)]);
      break;
    }
  }
  if (found.length < wanted) {
    throw new RecipeError(
      `study, measure.prompts: the test text has ${found.length} stretches of ${length} tokens to begin with, and ${wanted} are wanted.`,
    );
  }
  return Array.from(
    { length: wanted },
    (_, at) => found[Math.floor((at * found.length) / wanted)] as number[],
  );
}
