import { type LoraConfigInput, loraConfig, loraSettings } from '@foretoken/models';
import { resolveSettings } from '@foretoken/objectives';
import { z } from 'zod';
import { RecipeError } from './errors.js';
import { describeProblems } from './problems.js';
import { taskOf } from './task-kinds.js';

const count = z.int().positive();
const share = z.number().min(0).max(1);

const schema = z
  .strictObject({
    name: z.string().default('recipe'),
    title: z.string().optional(),
    /** What is special about it, for the report. */
    description: z.string().default(''),
    /** The objective of `foretoken train` when the command names none. */
    objective: z.string().optional(),
    /** The seed of `foretoken train` when the command gives none. */
    seed: z.int().nonnegative().optional(),
    /** `kind` (star-graph, text, corpus, image-tokens, mnist) and the settings of such a task, but for the seed. */
    task: z.record(z.string(), z.unknown()),
    /** `from`, a pretrained model; or `preset` and what differs from it in a model made from nothing. */
    model: z.record(z.string(), z.unknown()).default({}),
    /** Train low-rank adapters beside linear layers of a pretrained model instead of its weights; settings as `addLora` has them. */
    lora: z.record(z.string(), z.unknown()).optional(),
    /** Settings of each objective that differ from its defaults. */
    objectives: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
    optimizer: z.strictObject({
      learningRate: z.number().positive(),
      /** Factor of the learning rate for what the objective adds: registers, heads, blanks. */
      objectiveRateScale: z.number().positive().default(1),
      beta1: share.default(0.9),
      beta2: share.default(0.999),
      weightDecay: z.number().nonnegative().default(0),
      /** Global norm to which gradients are clipped. */
      clip: z.number().positive().default(1),
      schedule: z.enum(['constant', 'linear', 'cosine']).default('linear'),
      warmupSteps: z.int().nonnegative().default(0),
      /** Micro-batches of a batch, which go through the model one after another: less memory, about the same time. */
      accumulate: count.default(1),
      /**
       * What the loss of an update is the mean over when gradients are accumulated: all of its targets, as if the batch were
       * not split, or the means of its micro-batches, as in the code of the paper.
       */
      lossAverage: z.enum(['targets', 'microBatches']).default('targets'),
    }),
    /** Sequences in a batch, which is that of one update: in all its parts together. */
    batch: count,
    /** Updates at most. Or `epochs`. */
    steps: count.optional(),
    /** Passes over the training examples, which may be a part of one; for tasks whose examples are counted. */
    epochs: z.number().positive().optional(),
    evaluation: z
      .strictObject({
        /** Steps between evaluations, each of which also saves a checkpoint. */
        every: count.default(250),
        /** Validation examples of each whose next-token loss is measured; all where they are counted, else none. */
        lossExamples: z.int().nonnegative().optional(),
        /** Validation questions of each, answered by generation. */
        questions: z.int().nonnegative().default(0),
        /** Test questions, seen by no evaluation, for the final figure. */
        finalQuestions: z.int().nonnegative().default(0),
        /**
         * What chooses the best checkpoint: `validationLoss`, a metric of the task, or `last` for none. The validation loss
         * where it is measured, else `last`.
         */
        bestBy: z.string().optional(),
        /** A run stops when so many evaluations in a row were no better than the best, by what chooses it. */
        patience: count.optional(),
        /** A run stops when the first metric of an evaluation reaches this share: the same rule for all objectives. */
        solved: share.optional(),
      })
      .prefault({}),
    /** What the model writes at each evaluation, and at the end: for tasks of text. */
    samples: z
      .strictObject({
        /** The text to continue, or several. */
        prompt: z.union([z.string(), z.array(z.string()).min(1).max(16)]).default('\n'),
        /** Tokens of each continuation. */
        tokens: count.max(10_000).default(200),
        /** 0 always takes the likeliest token. */
        temperature: z.number().min(0).max(100).default(0.8),
        /** Draw among so many of the likeliest tokens only. */
        topK: count.optional(),
      })
      .optional(),
    /** Steps between lines of the log. */
    logEvery: count.default(10),
  })
  .transform(({ title, lora, samples, ...recipe }) => ({
    ...recipe,
    ...(samples === undefined ? {} : { samples }),
    title: title ?? recipe.name,
    ...(lora === undefined ? {} : { lora: lora as LoraConfigInput }),
  }));

/** Names of all settings at the top of a recipe, and in its sections. */
export const TOP_KEYS: readonly string[] = Object.keys(schema.in.shape);
export const SECTION_KEYS = {
  optimizer: Object.keys(schema.in.shape.optimizer.shape),
  evaluation: Object.keys(schema.in.shape.evaluation.unwrap().shape),
  samples: Object.keys(schema.in.shape.samples.unwrap().shape),
  lora: loraSettings,
} as const;

/** Everything that a run is made from, but for the objective and the seed. */
export type Recipe = z.output<typeof schema>;

/**
 * Checks a recipe as a whole, and fills in the defaults.
 *
 * @throws RecipeError listing everything that is wrong with it
 */
export function parseRecipe(input: unknown): Recipe {
  const result = schema.safeParse(input);
  if (!result.success) throw new RecipeError(`recipe: ${describeProblems(schema.in, result.error)}`);
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
  if (recipe.steps !== undefined && recipe.optimizer.warmupSteps > recipe.steps) {
    return { ...recipe, optimizer: { ...recipe.optimizer, warmupSteps: recipe.steps } };
  }
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
