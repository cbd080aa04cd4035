import { type LoraConfigInput, loraConfig, loraSettings } from '@foretoken/models';
import { resolveSettings } from '@foretoken/objectives';
import { z } from 'zod';
import { RecipeError } from './errors.js';
import { plainName, title } from './plain-name.js';
import { describeProblems } from './problems.js';
import { taskOf } from './task-kinds.js';

/** Limits far above what anybody trains, so that a slip of the keyboard is told at once. */
const MOST_STEPS = 10_000_000;
const LARGEST_BATCH = 65_536;
const MOST_QUESTIONS = 100_000;
const LARGEST_RATE = 1000;

const steps = z.int().positive().max(MOST_STEPS);
const batch = z.int().positive().max(LARGEST_BATCH);
const questions = z.int().nonnegative().max(MOST_QUESTIONS);
const share = z.number().min(0).max(1);
const positive = z.number().positive().max(LARGEST_RATE);

export const recipeSchema = z
  .strictObject({
    name: plainName.default('recipe'),
    title: title.optional(),
    description: z.string().max(10_000).default('').describe('what is special about it, for the report'),
    objective: z
      .string()
      .optional()
      .describe('the objective of `foretoken train` when the command names none'),
    seed: z
      .int()
      .nonnegative()
      .optional()
      .describe('the seed of `foretoken train` when the command gives none'),
    task: z
      .record(z.string(), z.unknown())
      .describe(
        '`kind` (star-graph, text, corpus, image-tokens, mnist) and the settings of such a task, but for the seed',
      ),
    model: z
      .record(z.string(), z.unknown())
      .default({})
      .describe(
        '`from`, a pretrained model; or `preset` and what differs from it in a model made from nothing',
      ),
    lora: z
      .record(z.string(), z.unknown())
      .optional()
      .describe(
        'train low-rank adapters beside linear layers of a pretrained model instead of its weights; settings as `addLora` has them',
      ),
    objectives: z
      .record(z.string(), z.record(z.string(), z.unknown()))
      .default({})
      .describe('settings of each objective that differ from its defaults'),
    optimizer: z.strictObject({
      learningRate: z.number().positive().describe('step size of AdamW'),
      objectiveRateScale: positive
        .default(1)
        .describe('factor of the learning rate for what the objective adds: registers, heads, blanks'),
      beta1: share.default(0.9).describe('decay of the mean of gradients'),
      beta2: share.default(0.999).describe('decay of the mean of squared gradients'),
      weightDecay: z
        .number()
        .nonnegative()
        .max(LARGEST_RATE)
        .default(0)
        .describe('decoupled weight decay of AdamW'),
      clip: z.number().positive().default(1).describe('global norm to which gradients are clipped'),
      schedule: z
        .enum(['constant', 'linear', 'cosine'])
        .default('linear')
        .describe('how the learning rate falls to zero, or does not'),
      warmupSteps: z
        .int()
        .nonnegative()
        .max(MOST_STEPS)
        .default(0)
        .describe('steps over which the learning rate rises first; a shorter run rises to its end'),
      accumulate: batch
        .default(1)
        .describe(
          'micro-batches of a batch, which go through the model one after another: less memory, about the same time',
        ),
      lossAverage: z
        .enum(['targets', 'microBatches'])
        .default('targets')
        .describe(
          'what the loss of an update is the mean over when gradients are accumulated: all of its targets, as if the batch were not split, or the means of its micro-batches, as in the code of the paper',
        ),
    }),
    batch: batch.describe('sequences in a batch, which is that of one update: in all its parts together'),
    steps: steps.optional().describe('updates at most. Or `epochs`'),
    epochs: z
      .number()
      .positive()
      .max(1_000_000)
      .optional()
      .describe(
        'passes over the training examples, which may be a part of one; for tasks whose examples are counted',
      ),
    evaluation: z
      .strictObject({
        every: steps
          .default(250)
          .describe('steps between evaluations, each of which also saves a checkpoint'),
        keepCheckpoints: z
          .int()
          .positive()
          .max(MOST_STEPS)
          .default(2)
          .describe(
            'checkpoints that are kept: where the newest is damaged, a run resumes from the one before it',
          ),
        lossExamples: z
          .int()
          .nonnegative()
          .max(MOST_STEPS)
          .optional()
          .describe(
            'validation examples of each whose next-token loss is measured; all where they are counted, else none',
          ),
        questions: questions.default(0).describe('validation questions of each, answered by generation'),
        finalQuestions: questions
          .default(0)
          .describe('test questions, seen by no evaluation, for the final figure'),
        bestBy: z
          .string()
          .optional()
          .describe(
            'what chooses the best checkpoint: `validationLoss`, a metric of the task, or `last` for none. The validation loss where it is measured, else `last`',
          ),
        patience: steps
          .optional()
          .describe(
            'a run stops when so many evaluations in a row were no better than the best, by what chooses it',
          ),
        solved: share
          .optional()
          .describe(
            'a run stops when the first metric of an evaluation reaches this share: the same rule for all objectives',
          ),
      })
      .prefault({}),
    samples: z
      .strictObject({
        prompt: z
          .union([z.string().max(10_000), z.array(z.string().max(10_000)).min(1).max(16)])
          .default('\n')
          .describe('the text that a model continues, or several'),
        tokens: z.int().positive().max(10_000).default(200).describe('tokens of each continuation'),
        temperature: z.number().min(0).max(100).default(0.8).describe('0 always takes the likeliest token'),
        topK: z
          .int()
          .positive()
          .max(1_000_000)
          .optional()
          .describe('draw among so many of the likeliest tokens only'),
      })
      .optional()
      .describe('what the model writes at each evaluation and at the end, for tasks of text'),
    logEvery: steps.default(10).describe('steps between lines of the log'),
  })
  .transform(({ title, lora, samples, ...recipe }) => ({
    ...recipe,
    ...(samples === undefined ? {} : { samples }),
    title: title ?? recipe.name,
    ...(lora === undefined ? {} : { lora: lora as LoraConfigInput }),
  }));

/** Names of all settings at the top of a recipe, and in its sections. */
export const TOP_KEYS: readonly string[] = Object.keys(recipeSchema.in.shape);
export const SECTION_KEYS = {
  optimizer: Object.keys(recipeSchema.in.shape.optimizer.shape),
  evaluation: Object.keys(recipeSchema.in.shape.evaluation.unwrap().shape),
  samples: Object.keys(recipeSchema.in.shape.samples.unwrap().shape),
  lora: loraSettings,
} as const;

/** Everything that a run is made from, but for the objective and the seed. */
export type Recipe = z.output<typeof recipeSchema>;

/**
 * Checks a recipe as a whole, and fills in the defaults.
 *
 * @throws RecipeError listing everything that is wrong with it
 */
export function parseRecipe(input: unknown): Recipe {
  const result = recipeSchema.safeParse(input);
  if (!result.success) throw new RecipeError(`recipe: ${describeProblems(recipeSchema.in, result.error)}`);
  const recipe = result.data;
  checkTask(recipe);
  checkLora(recipe);
  const { accumulate } = recipe.optimizer;
  if (recipe.batch % accumulate !== 0) {
    throw new RecipeError(
      `recipe ${recipe.name}: batch (${recipe.batch}) must be a multiple of optimizer.accumulate (${accumulate}).`,
    );
  }
  const { objectives } = taskOf(recipe).kind;
  for (const [name, settings] of Object.entries(recipe.objectives))
    resolveSettings(name, settings, objectives);
  if (recipe.objective !== undefined) resolveSettings(recipe.objective, {}, objectives);
  checkBudget(recipe);
  return recipe;
}

function checkBudget({ name, steps, epochs, evaluation }: Recipe): void {
  if ((steps === undefined) === (epochs === undefined)) {
    throw new RecipeError(
      `recipe ${name}: ${steps === undefined ? 'give steps or epochs, how long to train' : 'steps and epochs both say how long to train; give one of them'}.`,
    );
  }
  if (evaluation.patience !== undefined && evaluation.bestBy === 'last') {
    throw new RecipeError(
      `recipe ${name}, evaluation: patience waits for a better evaluation, and bestBy is last, which chooses none.`,
    );
  }
}

/** How long a recipe trains at most, as people say it: `2,000 steps`, `3 epochs`. */
export function describeBudget({ steps, epochs }: Pick<Recipe, 'steps' | 'epochs'>): string {
  const [amount, unit] = steps === undefined ? [epochs ?? 0, 'epoch'] : [steps, 'step'];
  return `${amount.toLocaleString('en')} ${unit}${amount === 1 ? '' : 's'}`;
}

/**
 * Of settings in layers, the upper ones on top: an upper layer that says how long to train in another unit replaces what
 * a lower one says.
 */
export function withoutOtherBudget(
  lower: Readonly<Record<string, unknown>>,
  upper: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { steps, epochs, ...rest } = lower;
  const keeps = (own: 'steps' | 'epochs', other: 'steps' | 'epochs'): boolean =>
    own in lower && (own in upper || !(other in upper));
  return {
    ...rest,
    ...(keeps('steps', 'epochs') ? { steps } : {}),
    ...(keeps('epochs', 'steps') ? { epochs } : {}),
  };
}

function checkLora({ name, lora, model }: Recipe): void {
  if (lora === undefined) return;
  if (model['from'] === undefined) {
    throw new RecipeError(
      `recipe ${name}, lora: adapters stand beside the weights of a pretrained model; give model.from, or leave lora out.`,
    );
  }
  try {
    loraConfig(lora);
  } catch (error) {
    throw new RecipeError(`recipe ${name}, lora: ${(error as Error).message.replace(/^LoRA config: /, '')}`, {
      cause: error,
    });
  }
}

function checkTask(recipe: Recipe): void {
  const { kind, settings } = taskOf(recipe);
  if ('seed' in settings) {
    throw new RecipeError(
      `recipe ${recipe.name}, task: the order of examples follows the seed of the run; give seed, not task.seed.`,
    );
  }
  try {
    kind.check(settings);
  } catch (error) {
    throw new RecipeError(`recipe ${recipe.name}, task: ${(error as Error).message}`, { cause: error });
  }
  kind.checkModel(recipe.model);
  if (recipe.samples !== undefined && !kind.isText) {
    throw new RecipeError(
      `recipe ${recipe.name}, samples: a task of kind ${kind.name} is none of text. Leave samples out.`,
    );
  }
}

/** The names of the objectives that can learn the task of a recipe, in the order of help texts and tables. */
export const objectivesOf = (recipe: Pick<Recipe, 'task'>): string[] =>
  taskOf(recipe).kind.objectives.map(({ name }) => name);
