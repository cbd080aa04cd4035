import type { PhiloxRandom } from '../random/philox-random.js';
import { nodeCount, type StarGraphConfig } from './config.js';

/** From a node to the next one away from the centre. */
export type Edge = readonly [from: number, to: number];

/** A star: a centre and arms that share no other node. Nodes are names 0..N-1. */
export interface StarGraph {
  /** The centre, where every path starts. */
  readonly start: number;
  /** The nodes of each arm from the centre outwards, without the centre. */
  readonly arms: readonly (readonly number[])[];
}

/** A star with a question about it and the answer. */
export interface StarGraphExample {
  readonly graph: StarGraph;
  /** The edges in the order in which the prompt lists them. */
  readonly edges: readonly Edge[];
  /** The end of one arm. */
  readonly goal: number;
  /** The nodes from start to goal, both included: `length` of them. */
  readonly path: readonly number[];
}

/**
 * Draws a star G(degree, length) whose names are chosen without repetition from `names`, every assignment
 * of names to places equally likely.
 */
export function sampleStarGraph(
  random: PhiloxRandom,
  config: Pick<StarGraphConfig, 'degree' | 'length' | 'names'>,
): StarGraph {
  const [start = 0, ...rest] = random.sampleWithoutReplacement(config.names, nodeCount(config));
  const armLength = config.length - 1;
  const arms = Array.from({ length: config.degree }, (_, arm) =>
    rest.slice(arm * armLength, (arm + 1) * armLength),
  );
  return { start, arms };
}

/** Draws the goal, every arm equally likely, and the order of the edges, every order equally likely. */
export function sampleQuestion(random: PhiloxRandom, graph: StarGraph): StarGraphExample {
  const arm = graph.arms[random.integer(graph.arms.length)] ?? [];
  const path = [graph.start, ...arm];
  return { graph, edges: random.shuffle(edgesOf(graph)), goal: path[path.length - 1] ?? graph.start, path };
}

/** The edges arm by arm, each pointing away from the centre. */
export function edgesOf(graph: StarGraph): Edge[] {
  return graph.arms.flatMap((arm) => arm.map((node, depth): Edge => [arm[depth - 1] ?? graph.start, node]));
}

/**
 * The nodes of a graph in an order that depends on the graph alone: the centre, then the arms sorted by
 * their first node. Two stars are the same graph exactly when their canonical forms are equal, in whatever
 * order their arms or edges were drawn.
 */
export function canonicalForm(graph: StarGraph): number[] {
  const arms = [...graph.arms].sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
  return [graph.start, ...arms.flat()];
}

/** Different graphs that the settings allow, N! / (N - nodes)! / degree!; Infinity beyond 1.8e308. */
export function countStarGraphs(config: Pick<StarGraphConfig, 'degree' | 'length' | 'names'>): number {
  let total = 1;
  for (let drawn = 0; drawn < nodeCount(config); drawn++) total *= config.names - drawn;
  for (let arms = 2; arms <= config.degree; arms++) total /= arms;
  return Math.round(total);
}
