import type { DType, HostArray } from './dtype.js';
import { DTypeError, ShapeError } from './errors.js';
import { MOST_AXES, type Shape } from './shape.js';
import type { NestedArray } from './tensor.js';

export const isHostArray = (values: unknown): values is HostArray => ArrayBuffer.isView(values);

/** The values of nested arrays in row-major order. @throws ShapeError when they are ragged */
export function flattenNested(nested: NestedArray): { values: number[]; shape: Shape; dtype: DType } {
  const shape: number[] = [];
  for (let at: NestedArray | undefined = nested; Array.isArray(at); at = at[0] as NestedArray | undefined) {
    if (shape.push(at.length) > MOST_AXES)
      throw new ShapeError(`tensor: the arrays are nested deeper than ${MOST_AXES} axes.`);
  }
  const values: number[] = [];
  let booleans = 0;
  const visit = (value: NestedArray, axis: number): void => {
    if (
      Array.isArray(value) !== axis < shape.length ||
      (Array.isArray(value) && value.length !== shape[axis])
    ) {
      throw new ShapeError(
        `tensor: the nested arrays are ragged at depth ${axis}: every array of one depth needs the same length.`,
      );
    }
    if (Array.isArray(value)) {
      for (const inner of value) visit(inner, axis + 1);
    } else if (typeof value === 'number' || typeof value === 'boolean') {
      if (typeof value === 'boolean') booleans++;
      values.push(Number(value));
    } else {
      throw new DTypeError(`tensor: expected numbers or booleans, got ${typeof value}.`);
    }
  };
  visit(nested, 0);
  return { values, shape, dtype: booleans > 0 && booleans === values.length ? 'bool' : 'f32' };
}
