import type { Linear } from '@foretoken/nn';
import type { Block } from '../block.js';
import { CheckpointError } from '../checkpoint/errors.js';
import { expressingFamily } from '../checkpoint/hub-config.js';
import type { NameMap, Part } from '../checkpoint/name-map.js';
import { transformers } from '../checkpoint/transformers.js';
import type { Transformer } from '../transformer.js';

/** A linear layer as Hugging Face has it: rows of a `Linear` of the model, or all of it. */
export interface LinearSite {
  /** `model.layers.0.self_attn.q_proj` */
  readonly name: string;
  /** Of the block that it is in. */
  readonly layer: number;
  readonly linear: Linear;
  /** Its rows in the weight of `linear`. */
  readonly start: number;
  readonly end: number;
}

/** What can be adapted in a model, and how. */
export interface LinearSites {
  readonly sites: readonly LinearSite[];
  /** Whether Hugging Face stores these weights `[in, out]`. */
  readonly transposed: boolean;
}

/** The names that the family of a model has for its parameters; none where no family expresses a model of one's own. */
function namesOf({ config }: Transformer): NameMap | undefined {
  try {
    return expressingFamily(transformers, config).nameMap(config);
  } catch (error) {
    if (error instanceof CheckpointError) return undefined;
    throw error;
  }
}

const linearsOf = ({ attention, mlp }: Block): (readonly [path: string, linear: Linear])[] => [
  ['attention.queryKeyValue', attention.queryKeyValue],
  ['attention.output', attention.output],
  ...(mlp === undefined
    ? []
    : ([
        ['mlp.up', mlp.up],
        ['mlp.down', mlp.down],
      ] as const)),
];

const rowsOf = ({ shape, transposed }: Part): number => shape[transposed ? 1 : 0] as number;

/**
 * The linear layers of the blocks, by the names that the model's family has for them; by their own names where no family
 * has any (`blocks.0.attention.queryKeyValue`). As in PEFT's `all-linear`, the output is not among them.
 */
export function linearSites(model: Transformer): LinearSites {
  const map = namesOf(model);
  const sites = model.blocks.flatMap((block, layer) =>
    linearsOf(block).flatMap(([path, linear]): LinearSite[] => {
      const own = `blocks.${layer}.${path}`;
      const parts = map?.get(`${own}.weight`) ?? [{ name: `${own}.weight`, shape: linear.weight.shape }];
      let end = 0;
      return parts.map((part) => {
        const start = end;
        end += rowsOf(part);
        return { name: part.name.replace(/\.weight$/, ''), layer, linear, start, end };
      });
    }),
  );
  const weight = map?.get('blocks.0.attention.queryKeyValue.weight')?.[0];
  return { sites, transposed: weight?.transposed ?? false };
}
