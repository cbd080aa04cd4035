import { isJsonObject, oneLine, quote } from '@foretoken/input';
import { ConfigError } from '@foretoken/nn';
import { type TransformerConfig, type TransformerConfigInput, transformerConfig } from '../config.js';
import { CheckpointError, showValue } from './errors.js';
import { type Family, FieldsError, type HubFields } from './family.js';
import type { ModelKind } from './model-kind.js';
import { transformers } from './transformers.js';

/** What training sets and config.json does not say. */
export type TrainingSettings = Pick<
  TransformerConfigInput,
  'dropout' | 'activationCheckpointing' | 'precision' | 'initialization'
>;

/** What a caller may set besides config.json. */
export interface ConfigSettings {
  /** What config.json does not say, as in `TransformerConfig`. */
  readonly training?: TrainingSettings;
  /**
   * Fewer positions than config.json has, for rotary ones, whose tables take memory. What is saved says as many as
   * before. Default all.
   */
  readonly maxPositions?: number;
}

/** A config with fewer rotary positions. @throws ConfigError where that is not possible */
function shortened(config: TransformerConfig, maxPositions: number): TransformerConfig {
  if (config.positions !== 'rotary')
    throw new ConfigError(`maxPositions: only rotary positions can be fewer, these are ${config.positions}.`);
  if (maxPositions > config.maxPositions)
    throw new ConfigError(`maxPositions ${maxPositions} exceeds the ${config.maxPositions} of the model.`);
  return transformerConfig({ ...config, maxPositions });
}

/** Fields that make a checkpoint something else than a decoder with float weights, in any family. */
const REFUSED = {
  quantization_config: 'its weights are quantized; use a checkpoint in F32, F16 or BF16',
  is_encoder_decoder: 'it is an encoder and a decoder; use a decoder',
} as const;

function refuseForeign(label: string, fields: HubFields): void {
  for (const [name, reason] of Object.entries(REFUSED)) {
    const value = fields[name];
    if (value !== undefined && value !== null && value !== false)
      throw new CheckpointError(`${label}: config.json has ${name}: ${reason}.`);
  }
}

/** A config.json whose family is known. */
export interface FoundConfig<Config, Input> {
  readonly family: Family<Config, Input>;
  readonly fields: HubFields;
}

const listFamilies = (
  families: readonly { readonly modelType: string; readonly architectures: readonly string[] }[],
) => families.map(({ modelType, architectures: [name] }) => `${modelType} (${name})`).join(', ');

/**
 * The family that a config.json names.
 *
 * @throws CheckpointError listing the known ones
 */
export function familyOf<Config, Input>(
  families: readonly Family<Config, Input>[],
  label: string,
  config: unknown,
): FoundConfig<Config, Input> {
  if (!isJsonObject(config)) throw new CheckpointError(`${label}: config.json must hold an object.`);
  const { model_type: type, architectures } = config;
  const names: readonly unknown[] = Array.isArray(architectures) ? architectures : [];
  const family = families.find(({ modelType, architectures: own }) =>
    type === undefined ? own.some((name) => names.includes(name)) : modelType === type,
  );
  if (family === undefined) {
    const found = [
      type === undefined ? 'no model_type' : `model_type ${showValue(type)}`,
      names.length === 0 ? 'no architectures' : `architectures ${showValue(names)}`,
    ].join(' and ');
    throw new CheckpointError(`${label}: config.json has ${found}; known are ${listFamilies(families)}.`);
  }
  const foreign = names.find((name) => !family.architectures.includes(name as string));
  if (foreign !== undefined) {
    throw new CheckpointError(
      `${label}: config.json has architecture ${showValue(foreign)}; of ${family.modelType}, known are ${family.architectures.join(' and ')}.`,
    );
  }
  return { family, fields: config };
}

/**
 * The config that a config.json describes.
 *
 * @throws CheckpointError in one line, for what is wrong and for what such a model does not do
 */
export function describedConfig<Config, Input>(
  parse: (input: Input) => Config,
  label: string,
  { family, fields }: FoundConfig<Config, Input>,
): Config {
  refuseForeign(label, fields);
  return translated(label, () => parse(family.read(fields)));
}

/**
 * The config of a transformer that a config.json describes, with settings besides.
 *
 * @throws CheckpointError as `describedConfig`; ConfigError for settings that do not go with it
 */
export function readHubConfig(
  label: string,
  found: FoundConfig<TransformerConfig, TransformerConfigInput>,
  { training = {}, maxPositions }: ConfigSettings = {},
): TransformerConfig {
  const described = describedConfig(transformers.parse, label, found);
  const config = transformerConfig({ ...described, ...training });
  return maxPositions === undefined ? config : shortened(config, maxPositions);
}

/** Runs what translates a config.json, and says in one line what was wrong with it. */
function translated<Config>(label: string, translate: () => Config): Config {
  try {
    return translate();
  } catch (error) {
    if (error instanceof FieldsError)
      throw new CheckpointError(`${label}: config.json: ${error.message}.`, { cause: error });
    if (error instanceof ConfigError) {
      // Issues lie one a line, each with a sign in front and its path on a line behind.
      const issues = error.message
        .replace(/^\w+: /, '')
        .replace(/\u2716 ([^\n]*)\n\s*\u2192 at (\S+)/g, '$2: $1')
        .replace(/\u2716 /g, '');
      throw new CheckpointError(`${label}: config.json describes no transformer: ${oneLine(issues, 500)}`, {
        cause: error,
      });
    }
    throw error;
  }
}

/** What matters of how configs translate. */
type Translation<Config, Input> = Pick<
  ModelKind<Config, Input, unknown>,
  'families' | 'parse' | 'essence' | 'widened'
>;

/** Fields that differ between a config and what a family makes of it. */
function lostFields<Config, Input>(
  { parse, essence }: Translation<Config, Input>,
  family: Family<Config, Input>,
  config: Config,
): string[] {
  let reread: Config;
  try {
    reread = parse(family.read(family.write(config)));
  } catch {
    return Object.keys(essence(config));
  }
  const [before, after] = [essence(config), essence(reread)];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => !sameValue(before[name], after[name]));
}

/** Compares what JSON can hold; an absent field equals an undefined one. */
const sameValue = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

const canonical = (value: unknown): string | undefined =>
  JSON.stringify(value, (_, inner: unknown) =>
    isJsonObject(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

/**
 * The family that can express a config: the one asked for, or the first that can.
 *
 * @throws CheckpointError naming the fields that the nearest family cannot express
 */
export function expressingFamily<Config, Input>(
  kind: Translation<Config, Input>,
  config: Config,
  wanted?: string,
): Family<Config, Input> {
  const { families, essence } = kind;
  const candidates = families.filter(({ modelType }) => wanted === undefined || modelType === wanted);
  const [nearest] = candidates
    .map((family) => ({ family, lost: lostFields(kind, family, config) }))
    .sort((a, b) => a.lost.length - b.lost.length);
  if (nearest === undefined) {
    const known = families.map(({ modelType }) => modelType).join(', ');
    throw new CheckpointError(`no family is called ${quote(wanted)}; known are ${known}.`);
  }
  if (nearest.lost.length === 0) return nearest.family;
  const values = essence(config);
  const lost = nearest.lost.map((name) => `${name} ${canonical(values[name]) ?? 'none'}`).join(', ');
  throw new CheckpointError(
    `config.json of ${wanted ?? `any family (nearest is ${nearest.family.modelType})`} cannot express this model: ${lost}.`,
  );
}

/**
 * A config.json that describes a model. Fields of the one that it was loaded with stay as they are, unless the model
 * is another one by now.
 */
export function writeHubConfig<Config, Input>(
  kind: Translation<Config, Input>,
  family: Family<Config, Input>,
  config: Config,
  loaded: HubFields = {},
): HubFields {
  const fresh: HubFields = {
    architectures: [family.architectures[0]],
    model_type: family.modelType,
    ...family.write(config),
  };
  const sameFamily = loaded['model_type'] === family.modelType;
  if (!sameFamily) return fresh;
  if (describes(kind, family, loaded, config)) return { ...loaded, architectures: fresh['architectures'] };
  const kept = Object.entries(loaded).filter(([name]) => !family.fields.includes(name));
  return { ...Object.fromEntries(kept), ...fresh };
}

/** Whether fields describe a config, or one that is the same but for more room. */
function describes<Config, Input>(
  { parse, essence, widened }: Translation<Config, Input>,
  family: Family<Config, Input>,
  fields: HubFields,
  config: Config,
): boolean {
  const described = parse(family.read(fields));
  return sameValue(essence(described), essence(widened?.(config, described) ?? config));
}
