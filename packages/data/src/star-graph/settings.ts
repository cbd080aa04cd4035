import type { StarGraphOptions } from './config.js';

/**
 * The task settings of the recipes that ship: the default, the paper's own token format, and longer paths.
 * Each lacks only the seed of its run.
 */
export const starGraphSettings = {
  /** R1: G(2, 4), 10 names, one position an edge; 14 positions. */
  'star-graph': { degree: 2, length: 4, names: 10, format: 'edge' },
  /** R2: the same graphs as the paper writes them; 25 positions. */
  'star-graph-paper': { degree: 2, length: 4, names: 10, format: 'token' },
  /** R3: G(2, 5), 10 names, one position an edge; 17 positions. */
  'star-graph-long': { degree: 2, length: 5, names: 10, format: 'edge' },
} as const satisfies Record<string, StarGraphOptions>;
