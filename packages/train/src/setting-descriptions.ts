import { z } from 'zod';

/** One setting, as help texts show it and command lines are read by. */
export interface SettingDescription {
  /** `integer`, `number`, `boolean`, `text`, the choices: `linear | cosine`, or what an object holds: `{ height, width }`. */
  readonly type: string;
  /** Types of JSON that it can be. */
  readonly types: ReadonlySet<string>;
  /** Absent when leaving the setting out has a meaning of its own. */
  readonly default?: unknown;
  readonly description: string;
  /** Of numbers. */
  readonly min?: number;
  readonly max?: number;
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

const isSchema = (value: unknown): value is JsonSchema => typeof value === 'object' && value !== null;

/** A schema, or those that it may be one of. */
const alternatives = ({ anyOf, oneOf, ...schema }: JsonSchema): JsonSchema[] =>
  [...(anyOf ?? oneOf ?? [schema])]
    .filter(isSchema)
    .flatMap((each) => ('anyOf' in each ? alternatives(each) : [each]));

function typesOf(schema: JsonSchema): string[] {
  if (typeof schema.type === 'string') return [schema.type];
  const values = schema.enum ?? (schema.const === undefined ? [] : [schema.const]);
  return values.map((value) => typeof value);
}

function typeText(schema: JsonSchema): string {
  const { type, properties } = schema;
  if (schema.enum !== undefined) return schema.enum.map(String).join(' | ');
  if (schema.const !== undefined) return String(schema.const);
  if (properties !== undefined) return `{ ${Object.keys(properties).join(', ')} }`;
  if (type === 'array') return 'list';
  if (typeof type !== 'string') return 'any';
  return type === 'string' ? 'text' : type;
}

function describe(schema: JsonSchema): SettingDescription {
  const all = alternatives(schema);
  const [only] = all.filter(({ type }) => type === 'integer' || type === 'number');
  const above = only?.exclusiveMinimum;
  const least = only?.type === 'integer' && typeof above === 'number' ? above + 1 : only?.minimum;
  return {
    type: [...new Set(all.map(typeText))].join(' | '),
    types: new Set(all.flatMap(typesOf)),
    ...(schema.default === undefined ? {} : { default: schema.default }),
    description: schema.description ?? '',
    ...(least === undefined ? {} : { min: least }),
    ...(only?.maximum === undefined ? {} : { max: only.maximum }),
  };
}

/**
 * The settings of an object, by their names; those of an object inside of it as `section.name`, too.
 *
 * @param schema - an object, whatever it is transformed into
 */
export function describeSchema(schema: z.ZodType): ReadonlyMap<string, SettingDescription> {
  const found = new Map<string, SettingDescription>();
  const visit = ({ properties = {} }: JsonSchema, section: string): void => {
    for (const [name, property] of Object.entries(properties)) {
      if (!isSchema(property)) continue;
      found.set(`${section}${name}`, describe(property));
      for (const each of alternatives(property)) visit(each, `${section}${name}.`);
    }
  };
  visit(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), '');
  return found;
}
