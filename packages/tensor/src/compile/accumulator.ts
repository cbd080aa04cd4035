import { type ComputedDType, HIGHEST_F32, LOWEST_F32, wgslLiteral } from '../dtype.js';
import type { Reducer } from '../ops/reduce.js';
import type { Emitter } from './emitter.js';

const lowest: Record<ComputedDType, number> = { f32: LOWEST_F32, i32: -2147483648, u32: 0, bool: 0 };
const highest: Record<ComputedDType, number> = {
  f32: HIGHEST_F32,
  i32: 2147483647,
  u32: 4294967295,
  bool: 1,
};

/** The running result of a reduction. */
export class Accumulator {
  readonly result: string;
  readonly #best: string;

  constructor(
    readonly emitter: Emitter,
    readonly reducer: Reducer,
    readonly dtype: ComputedDType,
  ) {
    this.result = emitter.fresh('total');
    this.#best = emitter.fresh('best');
    const minimum = reducer === 'min' || reducer === 'argmin';
    const start = wgslLiteral(reducer === 'sum' ? 0 : minimum ? highest[dtype] : lowest[dtype], dtype);
    if (reducer === 'argmax' || reducer === 'argmin') {
      emitter.line(`var ${this.#best} = ${start};`);
      emitter.line(`var ${this.result} = 0i;`);
    } else {
      emitter.line(`var ${this.result} = ${start};`);
    }
  }

  add(value: string, place: string): void {
    const { emitter, reducer, result } = this;
    if (reducer === 'sum') emitter.line(`${result} += ${value};`);
    else if (reducer === 'max' || reducer === 'min')
      emitter.line(`${result} = ${reducer}(${result}, ${value});`);
    else {
      const better = reducer === 'argmax' ? '>' : '<';
      emitter.line(
        `if (${value} ${better} ${this.#best}) { ${this.#best} = ${value}; ${result} = i32(${place}); }`,
      );
    }
  }
}
