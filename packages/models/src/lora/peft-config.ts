import { isJsonObject, printable, shorten } from '@foretoken/input';
import { z } from 'zod';
import { CheckpointError, showValue } from '../checkpoint/errors.js';
import type { HubFields } from '../checkpoint/family.js';
import { sizeCount } from '../config.js';
import type { LoraConfig } from './config.js';
import type { Lora } from './lora.js';
import { ADAPTER_CONFIG_FILE } from './peft-names.js';
import { ALL_LINEAR, lastPart } from './targets.js';

/** Problems in one message. */
const LISTED = 10;

const count = sizeCount;
const modules = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
const patterns = <Value extends z.ZodType<number>>(value: Value) =>
  z
    .record(z.string(), value)
    .nullish()
    .transform((found) => found ?? {});

/** What of an adapter_config.json sets what is computed. */
const schema = z.looseObject({
  peft_type: z.literal('LORA', 'only LORA adapters are known'),
  base_model_name_or_path: z.string().nullish(),
  r: count,
  lora_alpha: z.number(),
  lora_dropout: z.number().min(0).lt(1).default(0),
  target_modules: modules,
  exclude_modules: modules.nullish(),
  layers_to_transform: z.union([z.int().nonnegative(), z.array(z.int().nonnegative())]).nullish(),
  use_rslora: z.boolean().default(false),
  rank_pattern: patterns(count),
  alpha_pattern: patterns(z.number()),
});

/** Fields that may have these values, all of which mean the same here. */
const INDIFFERENT: Readonly<Record<string, (value: unknown) => boolean>> = {
  // Weights of a GPT-2 lie transposed, whatever the file says.
  fan_in_fan_out: (value) => typeof value === 'boolean',
  inference_mode: () => true,
  task_type: (value) => value === 'CAUSAL_LM' || value === 'FEATURE_EXTRACTION',
  bias: (value) => value === 'none',
  // Others change the weights of the base when an adapter is made.
  init_lora_weights: (value) => [true, 'gaussian', 'eva', 'orthogonal'].includes(value as boolean),
  layers_pattern: (value) => [value].flat().every((name) => name === 'layers' || name === 'h'),
  // Of other kinds of adapters, or of how one was trained.
  auto_mapping: () => true,
  eva_config: () => true,
  megatron_core: () => true,
  qalora_group_size: () => true,
  peft_version: () => true,
  revision: () => true,
  runtime_config: () => true,
};

/** Whether a field asks for nothing: null, false, or empty. */
const isIdle = (value: unknown): boolean =>
  value === null ||
  value === false ||
  (typeof value === 'object' && Object.keys(value as object).length === 0);

/** Fields with values that ask for what there is not. */
function refusedFields(fields: HubFields): string[] {
  return Object.entries(fields)
    .filter(([name, value]) => {
      if (Object.hasOwn(schema.shape, name) || isIdle(value)) return false;
      return !INDIFFERENT[name]?.(value);
    })
    .map(([name, value]) => `${shorten(printable(name))} ${showValue(value)} is not supported.`);
}

/** What an adapter_config.json says. */
export interface PeftDescription {
  readonly config: LoraConfig;
  readonly baseModel: string | undefined;
}

/**
 * Reads an adapter_config.json.
 *
 * @throws CheckpointError in one line, for all that is wrong or not supported
 */
export function readPeftConfig(label: string, fields: unknown): PeftDescription {
  const where = `${label}: ${ADAPTER_CONFIG_FILE}`;
  if (!isJsonObject(fields)) throw new CheckpointError(`${where} must hold an object.`);
  const result = schema.safeParse(fields);
  const issues = (result.error?.issues ?? []).map(
    ({ path, message }) => `${shorten(printable(path.join('.')))}: ${message}.`,
  );
  const problems = [...issues, ...refusedFields(fields)].slice(0, LISTED);
  if (!result.success || problems.length > 0) throw new CheckpointError(`${where}: ${problems.join(' ')}`);
  const { data } = result;
  const layers = data.layers_to_transform ?? undefined;
  const config: LoraConfig = {
    rank: data.r,
    alpha: data.lora_alpha,
    dropout: data.lora_dropout,
    targets: data.target_modules,
    exclude: data.exclude_modules ?? undefined,
    layers: layers === undefined ? undefined : [layers].flat(),
    rankStabilized: data.use_rslora,
    rankPattern: data.rank_pattern,
    alphaPattern: data.alpha_pattern,
  };
  return { config, baseModel: data.base_model_name_or_path ?? undefined };
}

/** As PEFT writes them: `all-linear` becomes the layers that it meant. */
const writtenTargets = ({ config: { targets }, sites }: Lora): LoraConfig['targets'] =>
  typeof targets === 'string' && targets.toLowerCase() === ALL_LINEAR
    ? [...new Set(sites.map(({ name }) => lastPart(name)))]
    : targets;

/** An adapter_config.json, with the fields that PEFT itself writes and in its order. */
export function writePeftConfig(lora: Lora, baseModel: string | undefined): HubFields {
  const { config, transposed } = lora;
  const fields: HubFields = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel ?? null,
    revision: null,
    auto_mapping: null,
    inference_mode: true,
    r: config.rank,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    target_modules: writtenTargets(lora),
    // Versions before 0.14 know no such field, and stop at one that they do not know.
    ...(config.exclude === undefined ? {} : { exclude_modules: config.exclude }),
    layers_to_transform: config.layers ?? null,
    layers_pattern: null,
    bias: 'none',
    fan_in_fan_out: transposed,
    use_rslora: config.rankStabilized,
    use_dora: false,
    rank_pattern: config.rankPattern,
    alpha_pattern: config.alphaPattern,
    init_lora_weights: true,
    modules_to_save: null,
    layer_replication: null,
    loftq_config: {},
    megatron_config: null,
    megatron_core: 'megatron.core',
  };
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}
