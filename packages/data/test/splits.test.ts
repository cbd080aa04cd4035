import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countStarGraphs,
  PhiloxRandom,
  type SequenceBatch,
  SPLITS,
  type Split,
  StarGraphTask,
  sampleStarGraph,
  splitOf,
} from '../src/index.js';

// 6! / 1! / 2! = 360 graphs: few enough that every one of them is met.
const small = { degree: 2, length: 3, names: 6, format: 'edge' } as const;
const EDGES = 4;

/** The graphs of a batch as sets of edges, read off its tokens alone. */
function graphsOf({ batch, time, channels, tokens }: SequenceBatch): string[] {
  return Array.from({ length: batch }, (_, row) => {
    const edges = Array.from({ length: EDGES }, (_, position) => {
      const offset = (row * time + position) * channels;
      return `${tokens[offset]}-${tokens[offset + 1]}`;
    });
    return edges.sort().join(' ');
  });
}

const met = (task: StarGraphTask, split: Split, examples: number) =>
  new Set(graphsOf(task.batch(split, 0, examples)));

describe('splits', () => {
  it.each([0, 1, 2])('share no graph and together hold all of them (held-out seed %i)', (heldOutSeed) => {
    const task = new StarGraphTask({ ...small, heldOutSeed, validationShare: 0.2, testShare: 0.2 });
    const graphs = {
      train: met(task, 'train', 6000),
      validation: met(task, 'validation', 3000),
      test: met(task, 'test', 3000),
    };
    const union = new Set(SPLITS.flatMap((split) => [...graphs[split]]));
    expect(union.size).toBe(countStarGraphs(small));
    expect(graphs.train.size + graphs.validation.size + graphs.test.size).toBe(union.size);
    // 360 graphs at 0.2 each: 72 expected, standard deviation 7.6.
    for (const split of ['validation', 'test'] as const) {
      expect(graphs[split].size).toBeGreaterThan(72 - 4 * 7.6);
      expect(graphs[split].size).toBeLessThan(72 + 4 * 7.6);
    }
  });

  it('keep apart what runs with different training seeds have seen from what they are asked', () => {
    const asked = met(new StarGraphTask({ ...small, seed: 0 }), 'test', 2000);
    for (const seed of [0, 1, 2]) {
      const seen = met(new StarGraphTask({ ...small, seed, trainingExamples: 500 }), 'train', 2000);
      expect([...seen].filter((graph) => asked.has(graph))).toEqual([]);
    }
  });

  it('are not told apart by the order of the arms, and change with the held-out seed', () => {
    const config = { degree: 3, length: 3, names: 12, heldOutSeed: 4, validationShare: 0.3, testShare: 0.3 };
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const { start, arms } = sampleStarGraph(new PhiloxRandom(seed), config);
        expect(splitOf({ start, arms: arms.toReversed() }, config)).toBe(splitOf({ start, arms }, config));
      }),
    );
    const random = new PhiloxRandom(0);
    const moved = Array.from({ length: 200 }, () => sampleStarGraph(random, config)).filter(
      (graph) => splitOf(graph, config) !== splitOf(graph, { ...config, heldOutSeed: 5 }),
    );
    expect(moved.length).toBeGreaterThan(80);
  });
});
