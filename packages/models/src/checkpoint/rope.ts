import type { RotaryScaling } from '@foretoken/nn';
import { z } from 'zod';
import { count, type HubFields, parseFields, refuseField } from './family.js';

/** Fields of rotary positions in a config.json: of today (`rope_parameters`) and of before. */
export const ROPE_FIELDS = [
  'rope_theta',
  'rope_scaling',
  'rope_parameters',
  'partial_rotary_factor',
] as const;

const positive = z.number().positive();

const schema = z.looseObject({
  rope_theta: positive.nullish(),
  rope_scaling: z.looseObject({}).nullish(),
  rope_parameters: z.looseObject({}).nullish(),
  partial_rotary_factor: z.number().nullish(),
  max_position_embeddings: count.optional(),
});

const linear = z.looseObject({ factor: positive });

const llama3 = z.looseObject({
  factor: positive,
  low_freq_factor: positive,
  high_freq_factor: positive,
  original_max_position_embeddings: count.nullish(),
});

interface Rotary {
  readonly base: number;
  readonly scaling: RotaryScaling | undefined;
}

const DEFAULT_THETA = 10000;

/**
 * The base and the scaling of rotary positions.
 *
 * @param maxPositions - of the model, which Llama 3's scaling takes for the trained ones where none are given
 * @throws FieldsError for a kind of scaling that there is not
 */
export function readRope(fields: HubFields, maxPositions: number): Rotary {
  const found = parseFields(schema, fields);
  const isNew = found.rope_parameters != null;
  const where = isNew ? 'rope_parameters' : 'rope_scaling';
  const parameters: HubFields = (isNew ? found.rope_parameters : found.rope_scaling) ?? {};
  const partial = parameters['partial_rotary_factor'] ?? found.partial_rotary_factor ?? 1;
  if (partial !== 1) refuseField('partial_rotary_factor', partial, '1');
  const inside = parseFields(z.looseObject({ rope_theta: positive.nullish() }), parameters, [where]);
  return {
    base: inside.rope_theta ?? found.rope_theta ?? DEFAULT_THETA,
    scaling: readScaling(where, parameters, maxPositions),
  };
}

function readScaling(where: string, parameters: HubFields, maxPositions: number): RotaryScaling | undefined {
  const kind = parameters['rope_type'] ?? parameters['type'] ?? 'default';
  switch (kind) {
    case 'default': {
      // One entry for each kind of layer, which would each need tables of their own.
      const nested = Object.entries(parameters).find(
        ([, value]) => typeof value === 'object' && value !== null,
      );
      if (nested !== undefined) refuseField(`${where}.${nested[0]}`, nested[1], 'one setting for all layers');
      return undefined;
    }
    case 'linear':
      return { kind: 'linear', factor: parseFields(linear, parameters, [where]).factor };
    case 'llama3': {
      const found = parseFields(llama3, parameters, [where]);
      if (found.low_freq_factor >= found.high_freq_factor) {
        refuseField(`${where}.low_freq_factor`, found.low_freq_factor, 'one below high_freq_factor');
      }
      return {
        kind: 'llama3',
        factor: found.factor,
        slowTurns: found.low_freq_factor,
        fastTurns: found.high_freq_factor,
        trainedPositions: found.original_max_position_embeddings ?? maxPositions,
      };
    }
    default:
      return refuseField(`${where}.rope_type`, kind, 'default, linear or llama3');
  }
}

/** The fields as all versions read them. */
export function writeRope({
  base,
  scaling,
}: {
  base: number;
  scaling?: RotaryScaling | undefined;
}): HubFields {
  return { rope_theta: base, rope_scaling: scaling === undefined ? null : writeScaling(scaling) };
}

function writeScaling(scaling: RotaryScaling): HubFields {
  // Versions before 4.43 read `type`, and know no llama3.
  if (scaling.kind === 'linear') return { type: 'linear', rope_type: 'linear', factor: scaling.factor };
  return {
    rope_type: 'llama3',
    factor: scaling.factor,
    low_freq_factor: scaling.slowTurns,
    high_freq_factor: scaling.fastTurns,
    original_max_position_embeddings: scaling.trainedPositions,
  };
}
