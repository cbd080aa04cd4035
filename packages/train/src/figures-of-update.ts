import type { ObjectiveLoss } from '@foretoken/objectives';
import { concat, stack, type Tensor } from '@foretoken/tensor';

/** What the loss of an update is told with. */
export interface FigureNames {
  /** Means, of every batch. */
  readonly parts: readonly string[];
  /** Means over targets that a batch may have none of. */
  readonly shares: readonly string[];
}

export const NO_NAMES: FigureNames = { parts: [], shares: [] };

/** An update's figures, as people read them. */
export interface UpdateFigures {
  readonly loss: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** The parts of the loss by name, without those that the batch had no target of. */
  readonly parts: Readonly<Record<string, number>>;
}

const stackScalars = (scalars: readonly Tensor[]): Tensor =>
  stack(scalars.map((scalar) => scalar.reshape([])));

export const namesOf = ({ parts, shares }: ObjectiveLoss): FigureNames => ({
  parts: Object.keys(parts),
  shares: shares?.names ?? [],
});

/** A loss with all that it is told with: itself, its parts, then sums and numbers of targets of its shares. */
export function lossFigures({ loss, parts, shares }: ObjectiveLoss): Tensor {
  const means = stackScalars([loss, ...Object.values(parts)]);
  return shares === undefined ? means : concat([means, shares.sums, shares.counts], 0);
}

/** f32: loss, gradient norm, then the other figures of the loss. */
export const withNorm = (figures: Tensor, norm: Tensor): Tensor =>
  concat([figures.slice(0, 0, 1), norm.reshape([1]), figures.slice(0, 1)], 0);

/** Reads what {@link withNorm} made. Sums and numbers may both be scaled by one factor: those of a batch in parts are. */
export function readFigures({ parts, shares }: FigureNames, figures: ArrayLike<number>): UpdateFigures {
  const [loss, gradientNorm, ...rest] = Array.from(figures) as [number, number, ...number[]];
  const means = parts.map((name, at) => [name, rest[at] as number] as const);
  const partial = shares.flatMap((name, at) => {
    const sum = rest[parts.length + at] as number;
    const targets = rest[parts.length + shares.length + at] as number;
    return targets === 0 ? [] : [[name, sum / targets] as const];
  });
  return { loss, gradientNorm, parts: Object.fromEntries([...means, ...partial]) };
}
