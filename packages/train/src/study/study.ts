import { didYouMean, quote } from '@foretoken/input';
import { findObjective } from '@foretoken/objectives';
import { z } from 'zod';
import { RecipeError } from '../errors.js';
import { type Fields, merge } from '../merge.js';
import { plainName as name, title } from '../plain-name.js';
import { describeProblems } from '../problems.js';
import { parseRecipe, type Recipe } from '../recipe.js';

/** Far above what anybody runs: each seed is a run of each variant on each data set. */
export const MOST_SEEDS = 1000;
const MOST_VARIANTS = 1000;

const settings = z.record(z.string(), z.unknown());

/** What of the first variant all others get the same of. */
export const BUDGETS = ['steps', 'flops'] as const;
export type Budget = (typeof BUDGETS)[number];

const variant = z
  .strictObject({
    name,
    title: title.optional().describe('what a reader of a table sees'),
    objective: z.string(),
    set: settings
      .default({})
      .describe(
        'settings of the recipe that this variant has otherwise: `{ optimizer: { learningRate: 1e-3 } }`',
      ),
  })
  .transform((given) => ({ ...given, title: given.title ?? given.name }));

const dataset = z
  .strictObject({
    name,
    title: title.optional(),
    set: settings.default({}).describe('settings of the recipe that belong to this data: mostly `task`'),
    variants: z
      .record(z.string(), settings)
      .default({})
      .describe(
        'settings of single variants on this data, by their names: learning rates that were chosen for it',
      ),
    firstSeeds: z
      .int()
      .positive()
      .optional()
      .describe('seeds on this data: the first so many of the study, where all would take too long'),
    prepare: settings.optional().describe('what is made for this data before its runs, by kind of task'),
  })
  .transform((given) => ({ ...given, title: given.title ?? given.name }));

const schema = z.strictObject({
  name,
  title: title.optional(),
  description: z.string().max(10_000).default('').describe('what is special about it, for the report'),
  recipe: settings.describe(
    'what all runs have in common: settings of a recipe, `base: NAME` for one that ships',
  ),
  variants: z
    .array(variant)
    .min(1)
    .max(MOST_VARIANTS)
    .describe('what is compared; the first is what the others are compared with'),
  datasets: z
    .array(dataset)
    .min(1)
    .max(MOST_VARIANTS)
    .optional()
    .describe('what the comparison is repeated over; the data of the recipe alone when absent'),
  seeds: z.array(z.int().nonnegative()).min(1).max(MOST_SEEDS).default([0, 1, 2]),
  budgets: z
    .array(z.enum(BUDGETS))
    .min(1)
    .max(BUDGETS.length)
    .default(['steps'])
    .describe(
      '`steps`: as many steps for all; `flops`: as many as cost the training FLOPs of the first variant',
    ),
  measure: settings
    .default({})
    .describe('settings of what is measured once a run has ended, by kind of task'),
});

export type StudyVariant = z.output<typeof variant>;
export type StudyDataset = z.output<typeof dataset>;

/** Variants of a recipe that are compared, on some data, with some seeds and budgets. */
export interface Study {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly recipe: Recipe;
  readonly variants: readonly StudyVariant[];
  /** One with an empty name where there is nothing to repeat over. */
  readonly datasets: readonly StudyDataset[];
  readonly seeds: readonly number[];
  readonly budgets: readonly Budget[];
  readonly measure: Readonly<Record<string, unknown>>;
}

const NO_DATASET: StudyDataset = { name: '', title: '', set: {}, variants: {} };

/**
 * Checks a study as a whole, with every recipe that it leads to.
 *
 * @param recipeOf - makes the recipe that all runs have in common from the settings of the file
 * @throws RecipeError listing what is wrong with it
 */
export function parseStudy(input: unknown, recipeOf: (fields: unknown) => Recipe = parseRecipe): Study {
  const result = schema.safeParse(input);
  if (!result.success) throw new RecipeError(`study: ${describeProblems(schema, result.error)}`);
  const { datasets = [NO_DATASET], title, ...given } = result.data;
  const recipe = recipeOf({ name: given.name, ...given.recipe });
  const study: Study = { ...given, title: title ?? given.name, datasets, recipe };
  checkNames('variants', study.variants);
  checkNames('datasets', study.datasets);
  const names = study.variants.map((each) => each.name);
  for (const data of study.datasets) {
    const unknown = Object.keys(data.variants).find((each) => !names.includes(each));
    if (unknown === undefined) continue;
    throw new RecipeError(
      `study, datasets, ${data.name}: no variant ${quote(unknown)}.${didYouMean(unknown, names)} There are ${names.join(', ')}.`,
    );
  }
  for (const each of study.variants) {
    for (const data of study.datasets) void recipeOfCell(study, each, data);
  }
  return study;
}

function checkNames(what: string, all: readonly { readonly name: string }[]): void {
  const twice = all.find((each, at) => all.findIndex((other) => other.name === each.name) < at);
  if (twice !== undefined) throw new RecipeError(`study, ${what}: two are called ${twice.name}.`);
}

/** The same study with the recipe that all runs have in common changed. @throws RecipeError when it no longer fits */
export function changeRecipe(study: Study, change: (recipe: Recipe) => Recipe): Study {
  const changed = { ...study, recipe: change(study.recipe) };
  for (const variant of changed.variants) {
    for (const data of changed.datasets) void recipeOfCell(changed, variant, data);
  }
  return changed;
}

/** A recipe that counts steps: budgets are of those. */
export type SteppedRecipe = Recipe & { readonly steps: number };

/**
 * The recipe of one variant on some data: that of the study, with the settings of the data, then those of the variant, then
 * those of the variant on this data.
 *
 * @throws RecipeError naming variant and data
 */
export function recipeOfCell(
  study: Pick<Study, 'name' | 'recipe'>,
  { name: variantName, objective, set }: StudyVariant,
  data: StudyDataset = NO_DATASET,
): SteppedRecipe {
  const place = [study.name, variantName, data.name].filter(Boolean).join(', ');
  try {
    findObjective(objective);
    return stepped(
      parseRecipe([data.set, set, data.variants[variantName] ?? {}].reduce(merge, study.recipe as Fields)),
    );
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new RecipeError(`study ${place}: ${cause.message}`, { cause });
  }
}

function stepped(recipe: Recipe): SteppedRecipe {
  const { steps } = recipe;
  if (steps !== undefined) return { ...recipe, steps };
  throw new RecipeError('comparisons are of equal steps or FLOPs; give steps, not epochs.');
}

/** Objectives of a recipe as a study: the plain comparison. */
export function studyOfObjectives(
  recipe: Recipe,
  objectives: readonly string[],
  seeds: readonly number[],
): Study {
  return {
    name: recipe.name,
    title: recipe.title,
    description: recipe.description,
    recipe,
    variants: objectives.map((objective) => ({
      name: objective,
      title: findObjective(objective).title,
      objective,
      set: {},
    })),
    datasets: [NO_DATASET],
    seeds,
    budgets: ['steps'],
    measure: {},
  };
}
