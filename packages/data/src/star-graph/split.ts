import { keyedHash } from '../random/keyed-hash.js';
import type { Split } from '../sequence-task.js';
import type { StarGraphConfig } from './config.js';
import { canonicalForm, type StarGraph } from './graph.js';

const HASH_RANGE = 0x1_0000_0000;

/** The share of all graphs that a split owns. */
export function shareOf(
  split: Split,
  config: Pick<StarGraphConfig, 'validationShare' | 'testShare'>,
): number {
  switch (split) {
    case 'train':
      return 1 - config.validationShare - config.testShare;
    case 'validation':
      return config.validationShare;
    case 'test':
      return config.testShare;
  }
}

/**
 * The one split that owns a graph, decided by a keyed hash of its canonical form. The question plays no
 * part: a graph with its goal at the end of another arm, or with its edges in another order, stays on the
 * same side.
 */
export function splitOf(
  graph: StarGraph,
  config: Pick<StarGraphConfig, 'heldOutSeed' | 'validationShare' | 'testShare'>,
): Split {
  const fraction = keyedHash(canonicalForm(graph), config.heldOutSeed) / HASH_RANGE;
  if (fraction < config.testShare) return 'test';
  if (fraction < config.testShare + config.validationShare) return 'validation';
  return 'train';
}
