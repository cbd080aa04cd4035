import { type ComputedDType, NEUTRAL, wgslLiteral } from '../dtype.js';
import type { Reducer } from '../ops/reduce.js';
import type { Emitter } from './emitter.js';

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
    const start = wgslLiteral(NEUTRAL[reducer][dtype], dtype);
    if (reducer === 'argmax' || reducer === 'argmin') {
      emitter.line(`var ${this.#best} = ${start};`);
      emitter.line(`var ${this.result} = 0i;`);
    } else {
      emitter.line(`var ${this.result} = ${start};`);
    }
  }

  add(value: string, place: string): void {
    const { emitter, reducer, result } = this;
    if (reducer === 'sum') {
      emitter.line(`${result} += ${value};`);
      return;
    }
    const isIndex = reducer === 'argmax' || reducer === 'argmin';
    const best = isIndex ? this.#best : result;
    const better = `${value} ${reducer === 'max' || reducer === 'argmax' ? '>' : '<'} ${best}`;
    // The first NaN wins over all numbers, and nothing over it.
    const wins =
      this.dtype === 'f32' ? `${better} || (!(${value} == ${value}) && ${best} == ${best})` : better;
    if (isIndex) emitter.line(`if (${wins}) { ${best} = ${value}; ${result} = i32(${place}); }`);
    else emitter.line(`${result} = select(${result}, ${value}, ${wins});`);
  }
}
