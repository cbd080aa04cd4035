import { allObjectives, findObjective } from '@foretoken/objectives';
import {
  findOrLoadRecipe,
  findOrLoadStudy,
  type Recipe,
  recipeOfTask,
  type Study,
  settingKeys,
  studies,
} from '@foretoken/train';
import { UsageError } from './errors.js';

/** `ntp,mutor` as names of objectives. @throws ObjectiveConfigError for one that does not exist */
export function parseObjectives(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0)
    throw new UsageError(
      `--objectives: expected some of ${allObjectives.map(({ name }) => name).join(',')}.`,
    );
  for (const name of names) findObjective(name);
  return [...new Set(names)];
}

/** `0,1,2` or `0-4` as seeds. */
export function parseSeeds(text: string): number[] {
  const seeds = text.split(',').flatMap((part) => {
    const range = /^(\d+)-(\d+)$/.exec(part.trim());
    if (range) {
      const [first, last] = [Number(range[1]), Number(range[2])];
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
    }
    if (!/^\d+$/.test(part.trim())) {
      throw new UsageError(`--seeds ${text}: expected whole numbers such as 0,1,2 or 0-4.`);
    }
    return [Number(part)];
  });
  return [...new Set(seeds)];
}

/** What a command says about where its settings begin. */
export interface RecipeChoice {
  /** A recipe that ships, or a file. */
  readonly recipe?: string | undefined;
  /** A kind of task that a recipe ships for. */
  readonly task?: string | undefined;
}

/** The recipe that a command begins with, star graphs where it says nothing. @throws UsageError or RecipeError */
export function startingRecipe({ recipe, task }: RecipeChoice): Recipe {
  if (task === undefined) return findOrLoadRecipe(recipe ?? 'star-graph');
  if (recipe === undefined) return recipeOfTask(task);
  throw new UsageError('--task: a recipe has a task of its own; give --task or --recipe.');
}

/** What a comparison begins with: a study, or a recipe whose objectives are compared. */
export type ComparisonStart =
  | { readonly study: Study; readonly recipe?: undefined }
  | { readonly recipe: Recipe; readonly study?: undefined };

/**
 * The study that ships for a task, else the recipe that does; star graphs where nothing is said.
 *
 * @throws UsageError or RecipeError
 */
export function startOfComparison({
  study,
  ...choice
}: RecipeChoice & { readonly study?: string | undefined }): ComparisonStart {
  const { task, recipe } = choice;
  if (study !== undefined) {
    if (task !== undefined)
      throw new UsageError('--task: a study has tasks of its own; give --task or --study.');
    return { study: findOrLoadStudy(study) };
  }
  const ofTask = recipe === undefined ? studies.find(({ name }) => name === task) : undefined;
  return ofTask === undefined ? { recipe: startingRecipe(choice) } : { study: ofTask };
}

/**
 * Turns flags that are named like settings into `--set`: `--steps 200` and `--mutor.maxOffset=1`. A short name
 * (`--learningRate`) will do where one setting of model, task, optimizer or evaluation has it. Other commands than
 * compare and train have no settings, and may have flags of the same names.
 */
export function settingFlags(args: readonly string[]): string[] {
  if (args[0] !== 'compare' && args[0] !== 'train') return [...args];
  const named = (flag: string): string | undefined => {
    const at = args.indexOf(flag);
    return (
      args.find((arg) => arg.startsWith(`${flag}=`))?.slice(flag.length + 1) ??
      (at >= 0 ? args[at + 1] : undefined)
    );
  };
  const choice = { recipe: named('--recipe'), task: named('--task') };
  let keys: string[];
  try {
    const start =
      args[0] === 'compare' ? startOfComparison({ ...choice, study: named('--study') }) : undefined;
    keys = settingKeys(start?.study?.recipe ?? start?.recipe ?? startingRecipe(choice));
  } catch {
    // The command will say that there is no such recipe or study.
    return [...args];
  }
  const result: string[] = [];
  for (let place = 0; place < args.length; place++) {
    const arg = args[place] as string;
    const [, flag, value] = /^--([A-Za-z][\w.-]*)(?:=(.*))?$/.exec(arg) ?? [];
    const key = flag === undefined ? undefined : settingOf(flag, keys);
    if (key === undefined) {
      result.push(arg);
      continue;
    }
    const given = value ?? args[++place];
    if (given === undefined) throw new UsageError(`--${flag}: expected a value.`);
    result.push('--set', `${key}=${given}`);
  }
  return result;
}

function settingOf(flag: string, keys: readonly string[]): string | undefined {
  const camel = flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  // No flag has a dot in it, so a name that no setting has is told with the nearest that one has.
  if (keys.includes(camel) || camel.includes('.')) return camel;
  const sections = ['task.', 'model.', 'optimizer.', 'evaluation.'];
  const matches = keys.filter((key) => sections.some((section) => key === `${section}${camel}`));
  return matches.length === 1 ? matches[0] : undefined;
}
