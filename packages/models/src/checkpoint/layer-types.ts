import { z } from 'zod';
import { type HubFields, parseFields } from './family.js';

const FULL = 'full_attention';
const SLIDING = 'sliding_attention';

const schema = z.looseObject({ layer_types: z.array(z.enum([FULL, SLIDING])).nullish() });

/**
 * The layers with a sliding window: those that `layer_types` names, or where it is absent those that `isSliding`.
 *
 * @throws FieldsError for kinds of layers that there are not
 */
export function slidingLayers(
  fields: HubFields,
  layers: number,
  isSliding: (layer: number) => boolean,
): number[] {
  const types = parseFields(schema, fields).layer_types;
  const all = Array.from({ length: layers }, (_, layer) => layer);
  return all.filter((layer) => (types == null ? isSliding(layer) : types[layer] === SLIDING));
}

/** `layer_types` of a model whose layers with a window are these. */
export const layerTypes = (sliding: readonly number[], layers: number): string[] =>
  Array.from({ length: layers }, (_, layer) => (sliding.includes(layer) ? SLIDING : FULL));
