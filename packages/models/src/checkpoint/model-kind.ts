import type { Device, Variable } from '@foretoken/tensor';
import type { Family } from './family.js';

/** Models of some kind, as checkpoints hold them. */
export interface ModelKind<Config, Input, Model> {
  /** All that can be read and written. A config that several can express is written as the first of them. */
  readonly families: readonly Family<Config, Input>[];
  /** Checks a config and fills in the defaults. @throws ConfigError */
  parse(input: Input): Config;
  /** A model whose parameters are 0. */
  create(device: Device, config: Config): Model;
  configOf(model: Model): Config;
  /** What of a config a config.json has to say: all but what training sets, and what has no effect. */
  essence(config: Config): Readonly<Record<string, unknown>>;
  /** The config as a config.json may have it that describes more than there is; itself when absent. */
  widened?(config: Config, described: Config): Config;
}

/** What a model needs for its parameters to be filled and read. */
export interface StoredModel {
  readonly device: Device;
  parameters(): Map<string, Variable>;
  dispose(): void;
}
