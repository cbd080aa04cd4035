import { didYouMean, quote } from '@foretoken/input';
import { z } from 'zod';
import { classify } from './classify.js';
import { ObjectiveConfigError } from './errors.js';
import { multiToken } from './multi-token.js';
import { mutor } from './mutor.js';
import { nextToken } from './next-token.js';
import type { Objective } from './objective.js';
import type { ObjectiveContext, ObjectiveDescription, ObjectiveKind } from './objective-kind.js';
import { teacherless } from './teacherless.js';

/** All objectives on sequences of this package, in the order of help texts and tables. */
export const objectiveKinds: readonly ObjectiveKind[] = [nextToken, multiToken, teacherless, mutor];

/** All objectives on images with classes. */
export const imageObjectiveKinds = [classify] as const;

/** All objectives of this package. */
export const allObjectives: readonly ObjectiveDescription[] = [...objectiveKinds, ...imageObjectiveKinds];

/** Settings as a user writes them: every one may be left out. */
export type ObjectiveSettings = Readonly<Record<string, unknown>>;

/**
 * Makes an objective on sequences, with defaults for the settings that are left out.
 *
 * @param kinds - what to choose from, to add objectives of your own: `[...objectiveKinds, mine]`
 * @throws ObjectiveConfigError when there is no such objective, or listing every setting that is wrong
 */
export const createObjective = (
  name: string,
  settings: ObjectiveSettings,
  context: ObjectiveContext,
  kinds: readonly ObjectiveKind[] = objectiveKinds,
): Objective => createFrom(kinds, name, settings, context);

/**
 * Makes one of these objectives, with defaults for the settings that are left out.
 *
 * @throws ObjectiveConfigError when there is no such objective, or listing every setting that is wrong
 */
export function createFrom<Made, Config>(
  kinds: readonly ObjectiveKind<z.ZodObject, Made, Config>[],
  name: string,
  settings: ObjectiveSettings,
  context: ObjectiveContext<Config>,
): Made {
  const kind = findObjective(name, kinds);
  return kind.create(parse(kind, settings), context);
}

/**
 * Complete settings, as they belong into the record of a run.
 *
 * @throws ObjectiveConfigError as `createObjective`
 */
export function resolveSettings(
  name: string,
  settings: ObjectiveSettings,
  kinds: readonly ObjectiveDescription[] = allObjectives,
): Record<string, unknown> {
  return parse(findObjective(name, kinds), settings);
}

/** @throws ObjectiveConfigError naming all objectives when none has this name */
export function findObjective(name: string): ObjectiveDescription;
export function findObjective<Kind extends ObjectiveDescription>(name: string, kinds: readonly Kind[]): Kind;
export function findObjective(
  name: string,
  kinds: readonly ObjectiveDescription[] = allObjectives,
): ObjectiveDescription {
  const kind = kinds.find((each) => each.name === name);
  if (kind !== undefined) return kind;
  const names = kinds.map((each) => each.name);
  throw new ObjectiveConfigError(
    `objective: expected one of ${names.join(', ')}, got ${quote(name)}.${didYouMean(String(name), names)}`,
  );
}

function parse(kind: ObjectiveDescription, settings: ObjectiveSettings): Record<string, unknown> {
  const result = kind.settings.safeParse(settings);
  if (result.success) return result.data;
  const known = Object.keys(kind.settings.shape);
  const problems = result.error.issues.map((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys
          .map(
            (key) =>
              `no setting ${quote(key)}.${didYouMean(key, known) || (known.length === 0 ? ' It has none.' : ` There are ${known.join(', ')}.`)}`,
          )
          .join(' ')
      : `${issue.path.join('.')}: ${issue.message}`,
  );
  const message = `objective ${kind.name}: ${problems.join('; ')}`;
  throw new ObjectiveConfigError(/[.?]$/.test(message) ? message : `${message}.`);
}

/** One setting, for help texts. */
export interface SettingDescription {
  readonly name: string;
  /** `integer`, `number`, `boolean`, the choices: `answer | all`, or what an object holds: `{ height, width }`. */
  readonly type: string;
  /** Absent when leaving the setting out has a meaning of its own. */
  readonly default?: unknown;
  readonly description: string;
}

function typeText({ type, enum: choices, properties }: z.core.JSONSchema.BaseSchema): string {
  if (choices !== undefined) return choices.join(' | ');
  return properties === undefined ? String(type) : `{ ${Object.keys(properties).join(', ')} }`;
}

/** The settings of an objective in the order of their declaration. */
export function describeSettings(kind: ObjectiveDescription): SettingDescription[] {
  const { properties = {} } = z.toJSONSchema(kind.settings, { io: 'input' });
  return Object.entries(properties).flatMap(([name, property]) => {
    if (typeof property === 'boolean') return [];
    const type = typeText(property);
    const value = property.default === undefined ? {} : { default: property.default };
    return [{ name, type, ...value, description: property.description ?? '' }];
  });
}
