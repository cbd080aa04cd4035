import { quote } from '@foretoken/input';
import { allObjectives, findObjective } from '@foretoken/objectives';
import {
  findOrLoadRecipe,
  findOrLoadStudy,
  MOST_SEEDS,
  type Recipe,
  recipeOfTask,
  type Study,
  settingKeys,
  studies,
} from '@foretoken/train';
import { UsageError } from './errors.js';
import { seedNumber, VALUE } from './flags.js';

/** `ntp,mutor` as names of objectives. @throws ObjectiveConfigError for one that does not exist */
export function parseObjectives(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0)
    throw new UsageError(
      `${VALUE}: expected some of ${allObjectives.map(({ name }) => name).join(',')}, got ${quote(text)}.`,
    );
  for (const name of names) findObjective(name);
  return [...new Set(names)];
}

/** The numbers of one part of a list: `3`, or `0-4`. */
function numbersOf(part: string, most: number): number[] {
  const [first, last, ...others] = part.split('-').map((number) => seedNumber(number.trim())) as [
    number,
    number?,
    ...number[],
  ];
  if (last === undefined) return [first];
  if (others.length > 0 || last < first)
    throw new UsageError(`${VALUE}: ${quote(part)} is no range; expected one that rises, such as 0-4.`);
  if (last - first >= most)
    throw new UsageError(
      `${VALUE}: ${quote(part)} is ${(last - first + 1).toLocaleString('en')} numbers; the limit is ${most.toLocaleString('en')}.`,
    );
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

/** `0,1,2` or `0-4` as whole numbers, each once. @throws UsageError for anything else, and for more than `most` */
export function parseNumbers(text: string, most: number = MOST_SEEDS): number[] {
  if (!/^[\d\s,-]+$/.test(text))
    throw new UsageError(`${VALUE}: expected whole numbers such as 0,1,2 or 0-4, got ${quote(text)}.`);
  const numbers = new Set<number>();
  for (const part of text.split(',')) {
    for (const number of numbersOf(part, most)) numbers.add(number);
    if (numbers.size > most)
      throw new UsageError(`${VALUE}: more than ${most.toLocaleString('en')} numbers, which is the limit.`);
  }
  return [...numbers];
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

/** Flags that ask about a command instead of running it. */
const ASKS = ['--help', '-h', '--help-all', '--helpAll', '--version', '-v'];

/** What the flags of a command line say about its beginning, as far as they can be told before it is parsed. */
function startingRecipeOf(args: readonly string[]): Recipe {
  const named = (flag: string): string | undefined => {
    const at = args.indexOf(flag);
    return (
      args.find((arg) => arg.startsWith(`${flag}=`))?.slice(flag.length + 1) ??
      (at >= 0 ? args[at + 1] : undefined)
    );
  };
  const choice = { recipe: named('--recipe'), task: named('--task') };
  if (args[0] !== 'compare') return startingRecipe(choice);
  const start = startOfComparison({ ...choice, study: named('--study') });
  return start.study === undefined ? start.recipe : start.study.recipe;
}

/** Commands whose settings are flags. */
export const hasSettings = (command: string | undefined): boolean =>
  command === 'compare' || command === 'train';

/** Names that settings can be given by on a command line, for suggestions. */
export function settingNames(args: readonly string[]): string[] {
  if (!hasSettings(args[0])) return [];
  try {
    const keys = settingKeys(startingRecipeOf(args));
    return [...keys, ...keys.map((key) => key.slice(key.indexOf('.') + 1))];
  } catch {
    return [];
  }
}

/**
 * Turns flags that are named like settings into `--set`: `--steps 200` and `--mutor.maxOffset=1`. A short name
 * (`--learningRate`) will do where one setting of model, task, optimizer or evaluation has it. Other commands than
 * compare and train have no settings, and may have flags of the same names.
 *
 * @throws UsageError or RecipeError where there is no such recipe or study
 */
export function settingFlags(args: readonly string[]): string[] {
  if (!hasSettings(args[0]) || args.some((arg) => ASKS.includes(arg))) return [...args];
  const keys = settingKeys(startingRecipeOf(args));
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const result: string[] = [];
  for (let place = 0; place < end; place++) {
    const arg = args[place] as string;
    const [, flag, value] = /^--([A-Za-z][\w.-]*)(?:=(.*))?$/s.exec(arg) ?? [];
    const key = flag === undefined ? undefined : settingOf(flag, keys);
    if (key === undefined) {
      result.push(arg);
      continue;
    }
    const given = value ?? (place + 1 < end ? args[++place] : undefined);
    if (given === undefined) throw new UsageError(`--${flag}: expected a value.`);
    result.push('--set', `${key}=${given}`);
  }
  return [...result, ...args.slice(end)];
}

function settingOf(flag: string, keys: readonly string[]): string | undefined {
  const camel = flag.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  // No flag has a dot in it, so a name that no setting has is told with the nearest that one has.
  if (keys.includes(camel) || camel.includes('.')) return camel;
  const sections = ['task.', 'model.', 'optimizer.', 'evaluation.'];
  const matches = keys.filter((key) => sections.some((section) => key === `${section}${camel}`));
  return matches.length === 1 ? matches[0] : undefined;
}
