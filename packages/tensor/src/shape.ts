import { ShapeError } from './errors.js';

/** Sizes of the axes, outermost first. A scalar has the shape `[]`. */
export type Shape = readonly number[];

/** Kernels count elements in 32 bits. */
export const MOST_ELEMENTS = 2 ** 32 - 1;

/** As many as NumPy and PyTorch have. */
export const MOST_AXES = 64;

export const sizeOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);
export const formatShape = (shape: Shape): string =>
  Array.isArray(shape) ? `[${shape.join(', ')}]` : String(shape);
export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

/** @throws ShapeError for a shape of more elements, or axes, than a tensor can have */
export function checkElements(op: string, shape: Shape): void {
  const size = sizeOf(shape);
  if (!(size <= MOST_ELEMENTS)) {
    throw new ShapeError(
      `${op}: ${formatShape(shape)} would have ${size} elements; a tensor has at most ${MOST_ELEMENTS}.`,
    );
  }
  if (shape.length > MOST_AXES)
    throw new ShapeError(`${op}: asked for ${shape.length} axes; a tensor has at most ${MOST_AXES}.`);
}

/** Throws unless every size is a non-negative integer, and there are not too many elements. */
export function checkShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape) || shape.some((size) => !Number.isInteger(size) || size < 0)) {
    throw new ShapeError(`${op}: expected a shape of non-negative integers, got ${formatShape(shape)}.`);
  }
  checkElements(op, shape);
}

/** Turns a possibly negative axis into its index from the front. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  const normalized = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normalized < 0 || normalized >= rank) {
    throw new ShapeError(
      `${op}: axis ${axis} is out of range for a tensor of rank ${rank}. Use ${-rank} to ${rank - 1}.`,
    );
  }
  return normalized;
}

/** All axes when absent; sorted, without repeats. */
export function normalizeAxes(
  op: string,
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = typeof axes === 'number' ? [axes] : axes;
  const normalized = list.map((axis) => normalizeAxis(op, axis, rank));
  if (new Set(normalized).size !== normalized.length) {
    throw new ShapeError(`${op}: the axes [${list.join(', ')}] name one axis twice.`);
  }
  return normalized.sort((a, b) => a - b);
}

/** The shape that NumPy broadcasting gives. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const sizeA = a[axis - rank + a.length] ?? 1;
    const sizeB = b[axis - rank + b.length] ?? 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) {
      throw new ShapeError(
        `${op}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: axis ${axis - rank} has sizes ${sizeA} and ${sizeB}. Sizes must be equal or 1.`,
      );
    }
    result.push(sizeA === 1 ? sizeB : sizeA);
  }
  return result;
}

/** Elements between neighbours of each axis in row-major order. */
export function rowMajorStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}
