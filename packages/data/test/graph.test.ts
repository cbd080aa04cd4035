import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalForm,
  countStarGraphs,
  edgesOf,
  PhiloxRandom,
  type StarGraph,
  sampleQuestion,
  sampleStarGraph,
} from '../src/index.js';
import { chiSquare } from './chi-square.js';

/** Any settings that are valid: degree, length and enough names. */
export const settings = fc
  .record({
    degree: fc.integer({ min: 1, max: 5 }),
    length: fc.integer({ min: 2, max: 6 }),
    spare: fc.nat(8),
  })
  .map(({ degree, length, spare }) => ({
    degree,
    length,
    names: Math.max(2, degree * (length - 1) + 1 + spare),
  }));

describe('sampled graphs', () => {
  it('are stars of the given size without repeated names, and the answer is the path to the goal', () => {
    fc.assert(
      fc.property(settings, fc.nat(), (config, seed) => {
        const random = new PhiloxRandom(seed);
        const { graph, edges, goal, path } = sampleQuestion(random, sampleStarGraph(random, config));

        const nodes = new Set(edges.flat());
        expect(nodes.size).toBe(config.degree * (config.length - 1) + 1);
        for (const node of nodes) {
          expect(node).toBeGreaterThanOrEqual(0);
          expect(node).toBeLessThan(config.names);
        }

        // A star: the centre has `degree` edges and none into it; every other node has one in and at most
        // one out.
        const into = (node: number) => edges.filter(([, to]) => to === node).length;
        const outOf = (node: number) => edges.filter(([from]) => from === node).length;
        expect([into(graph.start), outOf(graph.start)]).toEqual([0, config.degree]);
        const ends = [...nodes].filter((node) => node !== graph.start && outOf(node) === 0);
        expect(ends).toHaveLength(config.degree);
        for (const node of nodes) {
          if (node !== graph.start) expect(into(node)).toBe(1);
          if (node !== graph.start) expect(outOf(node)).toBeLessThanOrEqual(1);
        }

        // Walking back from the goal along the listed edges, knowing nothing of arms, gives the path.
        expect(ends).toContain(goal);
        const walk = [goal];
        while (walk[0] !== graph.start)
          walk.unshift(edges.find(([, to]) => to === walk[0])?.[0] ?? Number.NaN);
        expect(walk).toEqual(path);
        expect(path).toHaveLength(config.length);
      }),
    );
  });

  it('list their edges in every order equally often', () => {
    const graph: StarGraph = {
      start: 0,
      arms: [
        [1, 2],
        [3, 4],
      ],
    };
    const random = new PhiloxRandom(7);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = sampleQuestion(random, graph).edges.join(' ');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // 23 degrees of freedom: 49.73 is passed once in a thousand.
    expect(chiSquare([...counts.values()])).toBeLessThan(49.73);
  });

  it('ask for every arm equally often, wherever its edges are listed', () => {
    const graph: StarGraph = {
      start: 9,
      arms: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    };
    const random = new PhiloxRandom(8);
    const goals: number[] = [0, 0, 0];
    let firstListed = 0;
    for (let i = 0; i < 6_000; i++) {
      const { goal, edges, path } = sampleQuestion(random, graph);
      const arm = goal / 2 - 1;
      goals[arm] = (goals[arm] ?? 0) + 1;
      if (edges.find(([from]) => from === 9)?.[1] === path[1]) firstListed += 1;
    }
    // 2 degrees of freedom: 13.82 is passed once in a thousand.
    expect(chiSquare(goals)).toBeLessThan(13.82);
    expect(chiSquare([firstListed, (6_000 - firstListed) / 2, (6_000 - firstListed) / 2])).toBeLessThan(
      13.82,
    );
  });

  it('use every name in every place equally often', () => {
    const random = new PhiloxRandom(9);
    const starts = new Array<number>(10).fill(0);
    const ends = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const { start, arms } = sampleStarGraph(random, { degree: 2, length: 4, names: 10 });
      const end = arms[1]?.[2] ?? 0;
      starts[start] = (starts[start] ?? 0) + 1;
      ends[end] = (ends[end] ?? 0) + 1;
    }
    // 9 degrees of freedom: 27.88 is passed once in a thousand.
    expect(chiSquare(starts)).toBeLessThan(27.88);
    expect(chiSquare(ends)).toBeLessThan(27.88);
  });
});

describe('canonicalForm', () => {
  it('forgets the order of the arms and nothing else', () => {
    const graph: StarGraph = {
      start: 5,
      arms: [
        [7, 1],
        [2, 9],
      ],
    };
    expect(canonicalForm(graph)).toEqual([5, 2, 9, 7, 1]);
    expect(
      canonicalForm({
        start: 5,
        arms: [
          [2, 9],
          [7, 1],
        ],
      }),
    ).toEqual(canonicalForm(graph));
    expect(
      canonicalForm({
        start: 5,
        arms: [
          [9, 2],
          [7, 1],
        ],
      }),
    ).not.toEqual(canonicalForm(graph));
    expect(
      canonicalForm({
        start: 5,
        arms: [
          [2, 1],
          [7, 9],
        ],
      }),
    ).not.toEqual(canonicalForm(graph));
  });
});

describe('edgesOf', () => {
  it('points away from the centre', () => {
    expect(
      edgesOf({
        start: 5,
        arms: [
          [7, 1],
          [2, 9],
        ],
      }),
    ).toEqual([
      [5, 7],
      [7, 1],
      [5, 2],
      [2, 9],
    ]);
  });
});

describe('countStarGraphs', () => {
  it('counts assignments of names up to the order of the arms', () => {
    // 10 * 9 * 8 * 7 * 6 * 5 * 4 assignments, two for each graph.
    expect(countStarGraphs({ degree: 2, length: 4, names: 10 })).toBe(302_400);
    // The centre alone decides: 3 graphs on 3 names.
    expect(countStarGraphs({ degree: 2, length: 2, names: 3 })).toBe(3);
  });
});
