import { printable, shorten } from '@foretoken/input';
import { z } from 'zod';
import { sizeCount, type TransformerConfig, type TransformerConfigInput } from '../config.js';
import { showValue } from './errors.js';
import type { ModelNames, NameMap } from './name-map.js';

/** What a config.json holds. */
export type HubFields = Readonly<Record<string, unknown>>;

/** One `model_type` of Hugging Face, for models of some kind: how its config.json and its names translate, both ways. */
export interface Family<Config, Input> {
  readonly modelType: string;
  /** Of a model with an output, as it is written unless `write` says otherwise; then others, like that of the trunk alone. */
  readonly architectures: readonly [full: string, ...others: string[]];
  /** In front of the names of the trunk, in a model with an output. A trunk that was stored alone lacks it. */
  readonly prefix: string;
  /** Beginnings of the names that have no prefix: those of outputs. */
  readonly heads: readonly string[];
  /** Fields that this reads; all are replaced when a config is written. */
  readonly fields: readonly string[];
  /** Whether a tensor plays no part, as old versions stored some that follow from the config. */
  ignores(name: string, config: Config): boolean;
  /**
   * @throws FieldsError where a field has a wrong type, or asks for what the model does not do
   */
  read(fields: HubFields): Input;
  write(config: Config): HubFields;
  /** Which tensors make up the parameters. */
  nameMap(config: Config): NameMap;
}

/** A family of transformers with an output, whose layers have names by one scheme. */
export interface TextFamily
  extends Pick<
    Family<TransformerConfig, TransformerConfigInput>,
    'modelType' | 'prefix' | 'fields' | 'read' | 'write'
  > {
  readonly architectures: readonly [full: string, trunk: string];
  /** Tensors that old versions stored although they follow from the config. */
  readonly ignored: RegExp;
  readonly names: ModelNames;
}

/** Fields of a config.json that cannot be read. The message is one line. */
export class FieldsError extends Error {}

export const count = sizeCount;

/** A boolean that may be absent; null is false, as Python takes it. */
export const flag = (fallback: boolean) =>
  z
    .boolean()
    .nullish()
    .transform((value) => (value === undefined ? fallback : (value ?? false)));

/** Problems in one message. */
const LISTED = 10;

/**
 * Checks fields and fills in defaults.
 *
 * @param within - the field that they lie in, for the message
 * @throws FieldsError listing all that is wrong
 */
export function parseFields<Schema extends z.ZodType>(
  schema: Schema,
  fields: HubFields,
  within: readonly string[] = [],
): z.output<Schema> {
  const result = schema.safeParse(fields);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => {
    const field = [...within, ...path].map((step) => shorten(printable(String(step)))).join('.');
    return `${field}: ${message}`;
  });
  const more = problems.length > LISTED ? `; and ${problems.length - LISTED} more` : '';
  throw new FieldsError(problems.slice(0, LISTED).join('; ') + more);
}

/** @throws FieldsError naming a field whose value asks for more than there is */
export function refuseField(name: string, value: unknown, supported: string): never {
  throw new FieldsError(`${name} is ${showValue(value)}; supported is ${supported}`);
}
