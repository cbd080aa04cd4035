import type { TransformerConfig } from '@foretoken/models';
import type { Device, HostRandom } from '@foretoken/tensor';
import type { z } from 'zod';
import type { Objective } from './objective.js';

/** What an objective needs to make its extra parameters. */
export interface ObjectiveContext {
  readonly device: Device;
  readonly modelConfig: TransformerConfig;
  /** Draws first values of parameters. */
  readonly random: HostRandom;
}

/** One objective as the registry lists it. */
export interface ObjectiveKind<Settings extends z.ZodObject = z.ZodObject> {
  /** How it is asked for: `mutor`. */
  readonly name: string;
  /** What a reader of a table sees: `MuToR registers`. */
  readonly title: string;
  /** One line for help texts. */
  readonly description: string;
  /** All settings, each with a default and a description, or optional. */
  readonly settings: Settings;
  create(settings: z.output<Settings>, context: ObjectiveContext): Objective;
}

/** Checks the record of an objective, so that `create` sees the type of its own settings. */
export function defineObjective<Settings extends z.ZodObject>(
  kind: ObjectiveKind<Settings>,
): ObjectiveKind<Settings> {
  return kind;
}
