import { grad } from '../autograd.js';
import type { Device } from '../device.js';
import type { DType } from '../dtype.js';
import type { AttentionQuestion } from '../kernels/attention/rows.js';
import type { MatmulQuestion } from '../kernels/matmul/variants.js';
import { attention } from '../ops/attention.js';
import { HostRandom } from '../random.js';
import { type Shape, sizeOf } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Variable } from '../variable.js';

/** An operation on random inputs of the sizes that are asked about. */
export interface Rehearsal {
  /** The graph of it. */
  results(): readonly Tensor[];
  /** Frees the inputs. */
  dispose(): void;
}

/** Draws inputs, and remembers them. */
class Inputs {
  readonly #random = new HostRandom(1);
  readonly #drawn: Variable[] = [];

  constructor(readonly device: Device) {}

  draw(shape: Shape, dtype: DType = 'f32'): Variable {
    const values = Float32Array.from({ length: sizeOf(shape) }, () => 2 * this.#random.uniform() - 1);
    const variable = this.device.variable(values, { shape, dtype, name: 'tune' });
    this.#drawn.push(variable);
    return variable;
  }

  dispose(): void {
    for (const variable of this.#drawn) variable.dispose();
  }
}

/** What to time for a question. */
export function rehearse(device: Device, problem: MatmulQuestion | AttentionQuestion): Rehearsal {
  const inputs = new Inputs(device);
  const results = problem.operation === 'matmul' ? matmulOf(inputs, problem) : attentionOf(inputs, problem);
  return { results, dispose: () => inputs.dispose() };
}

function matmulOf(inputs: Inputs, problem: MatmulQuestion): () => readonly Tensor[] {
  const { shapeA, shapeB, dtypeA, dtypeB, transposeA, transposeB } = problem;
  const [a, b] = [inputs.draw(shapeA, dtypeA), inputs.draw(shapeB, dtypeB)];
  return () => [a.matmul(b, { transposeA, transposeB })];
}

function attentionOf(inputs: Inputs, problem: AttentionQuestion): () => readonly Tensor[] {
  const { batch, queryHeads, keyHeads, queries, keys, width, masked, gradient } = problem;
  const query = inputs.draw([batch, queryHeads, queries, width]);
  const key = inputs.draw([batch, keyHeads, keys, width]);
  const value = inputs.draw([batch, keyHeads, keys, width]);
  const { device } = inputs;
  return () => {
    const ahead = device.arange(queries).add(Math.max(keys - queries, 0));
    const causal = device
      .arange(keys)
      .reshape([1, 1, 1, keys])
      .le(ahead.reshape([1, 1, queries, 1]));
    const result = attention(query, key, value, { mask: masked ? causal : undefined });
    return gradient ? grad(result.mul(result).sum(), [query, key, value]) : [result];
  };
}
