import type { TransformerConfig } from '@foretoken/models';
import type { Device, HostRandom } from '@foretoken/tensor';
import type { z } from 'zod';
import type { Objective } from './objective.js';

/** What an objective needs to make its extra parameters. */
export interface ObjectiveContext<Config = TransformerConfig> {
  readonly device: Device;
  readonly modelConfig: Config;
  /** Draws first values of parameters. */
  readonly random: HostRandom;
}

/** What can be said of an objective without making one. */
export interface ObjectiveDescription<Settings extends z.ZodObject = z.ZodObject> {
  /** How it is asked for: `mutor`. */
  readonly name: string;
  /** What a reader of a table sees: `MuToR registers`. */
  readonly title: string;
  /** One line for help texts. */
  readonly description: string;
  /** All settings, each with a default and a description, or optional. */
  readonly settings: Settings;
}

/** One objective as a registry lists it: on sequences, unless it says what it makes of which model. */
export interface ObjectiveKind<
  Settings extends z.ZodObject = z.ZodObject,
  Made = Objective,
  Config = TransformerConfig,
> extends ObjectiveDescription<Settings> {
  create(settings: z.output<Settings>, context: ObjectiveContext<Config>): Made;
}

/** Checks the record of an objective, so that `create` sees the type of its own settings. */
export function defineObjective<Settings extends z.ZodObject, Made = Objective, Config = TransformerConfig>(
  kind: ObjectiveKind<Settings, Made, Config>,
): ObjectiveKind<Settings, Made, Config> {
  return kind;
}
