import type { StarGraphExample } from './graph.js';

/** A node to draw. */
export interface DrawnNode {
  /** Its vocabulary id. */
  readonly id: number;
  readonly label: string;
  /** Its arm, counted from 0; null for the centre. */
  readonly arm: number | null;
  /** Steps from the centre. */
  readonly depth: number;
  /** A place within the unit circle around the centre, x to the right and y downwards. */
  readonly x: number;
  readonly y: number;
}

/** An example in plain data, for a report to draw. */
export interface StarGraphDrawing {
  readonly kind: 'star-graph';
  readonly nodes: readonly DrawnNode[];
  /** In the order of the prompt. */
  readonly edges: readonly { readonly from: number; readonly to: number; readonly onPath: boolean }[];
  readonly start: number;
  readonly goal: number;
  /** From start to goal. */
  readonly path: readonly number[];
  /** The prompt as people read it. */
  readonly prompt: string;
  /** The right answer as people read it, in the order in which it is to be written. */
  readonly answer: string;
}

/** Lays the arms out as spokes at equal angles, the first to the left. */
export function layOutNodes(example: StarGraphExample): DrawnNode[] {
  const { start, arms } = example.graph;
  const centre: DrawnNode = { id: start, label: String(start), arm: null, depth: 0, x: 0, y: 0 };
  const spokes = arms.flatMap((nodes, arm) => {
    const angle = Math.PI + (2 * Math.PI * arm) / arms.length;
    return nodes.map((id, place): DrawnNode => {
      const radius = (place + 1) / nodes.length;
      return {
        id,
        label: String(id),
        arm,
        depth: place + 1,
        x: radius * Math.cos(angle),
        y: radius * Math.sin(angle),
      };
    });
  });
  return [centre, ...spokes];
}
