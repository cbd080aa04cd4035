import { starGraphConfigSchema } from '@foretoken/data';
import { objectiveKinds, resolveSettings } from '@foretoken/objectives';
import { z } from 'zod';
import { RecipeError } from './errors.js';

const count = z.int().positive();
const share = z.number().min(0).max(1);

const schema = z.strictObject({
  name: z.string(),
  title: z.string(),
  /** What is special about it, for the report. */
  description: z.string(),
  /** Settings of the star-graph task, but for the seed. */
  task: z.record(z.string(), z.unknown()),
  /** Settings of the attention-only transformer that the task does not imply. */
  model: z.record(z.string(), z.unknown()),
  /** Settings of each objective that differ from its defaults. */
  objectives: z.record(z.string(), z.record(z.string(), z.unknown())),
  optimizer: z.strictObject({
    learningRate: z.number().positive(),
    beta1: share,
    beta2: share,
    weightDecay: z.number().nonnegative(),
    /** Global norm to which gradients are clipped. */
    clip: z.number().positive(),
    schedule: z.enum(['constant', 'linear', 'cosine']),
    warmupSteps: z.int().nonnegative(),
    /**
     * Parts of a batch that go through the model one after another; gradients and losses are their means. More parts
     * take less memory and about the same time.
     */
    accumulate: count.default(1),
  }),
  /** Sequences in a batch, which is that of one update: in all its parts together. */
  batch: count,
  /** Updates at most. */
  steps: count,
  evaluation: z.strictObject({
    /** Steps between evaluations, each of which also saves a checkpoint. */
    every: count,
    /** Held-out questions of each. */
    questions: count,
    /** Other questions, seen by no evaluation, for the final figure. */
    finalQuestions: count,
    /** A run stops when an evaluation reaches this share of exact matches: the same rule for all objectives. */
    solved: share,
  }),
  /** Steps between lines of the log. */
  logEvery: count,
});

/** Everything that a run is made from, but for the objective and the seed. */
export type Recipe = z.output<typeof schema>;

/**
 * Checks a recipe as a whole.
 *
 * @throws RecipeError listing everything that is wrong with it
 */
export function parseRecipe(input: unknown): Recipe {
  const result = schema.safeParse(input);
  if (!result.success) throw new RecipeError(`recipe: ${problems(result.error)}`);
  const recipe = result.data;
  const task = starGraphConfigSchema.safeParse({ ...recipe.task, seed: 0 });
  if (!task.success) throw new RecipeError(`recipe ${recipe.name}, task: ${problems(task.error)}`);
  const { accumulate } = recipe.optimizer;
  if (recipe.batch % accumulate !== 0) {
    throw new RecipeError(
      `recipe ${recipe.name}: batch (${recipe.batch}) must be a multiple of optimizer.accumulate (${accumulate}).`,
    );
  }
  for (const [name, settings] of Object.entries(recipe.objectives)) resolveSettings(name, settings);
  if (recipe.optimizer.warmupSteps > recipe.steps) {
    return { ...recipe, optimizer: { ...recipe.optimizer, warmupSteps: recipe.steps } };
  }
  return recipe;
}

const problems = (error: z.ZodError): string =>
  error.issues
    .map(({ path, message }) => `${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`)
    .join('; ');

/** The names of all objectives that a recipe can run. */
export const objectiveNames = (): string[] => objectiveKinds.map(({ name }) => name);
