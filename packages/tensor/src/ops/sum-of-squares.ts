import type { KernelBuilder } from '../compile/kernel.js';
import { perWorkgroup, type Segment, segmentedText, segmentStart } from '../compile/segments.js';
import { type DType, isFloat, storedType, widened } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import { apply, type Operation } from '../operation.js';
import type { Tensor } from '../tensor.js';

/** Vectors of four that one invocation adds up. */
const ROUNDS = 16;
/** Invocations of a workgroup; each stores one vector of sums. */
const SUMS = perWorkgroup(1);

const vectorsIn = (node: GraphNode): number => Math.ceil(node.size / 4);
/** Vectors of sums that the kernel stores for a tensor. */
const sumsOf = (node: GraphNode): number => Math.ceil(vectorsIn(node) / perWorkgroup(ROUNDS)) * SUMS;

/** The sums of those inputs that lie in memory as `dtype`. */
const builderFor =
  (dtype: DType): KernelBuilder<undefined> =>
  ({ node, wgsl }) => {
    const list: Segment[] = [];
    let place = 0;
    let sample: number | undefined;
    let ragged = false;
    node.inputs.forEach((input, at) => {
      if (wgsl.storedDType(at) === dtype) {
        sample ??= at;
        ragged ||= input.size % 4 !== 0;
        list.push({
          count: vectorsIn(input),
          elements: input.size,
          place,
          bindings: [node, wgsl.stored(at)],
        });
      }
      place += sumsOf(input);
    });
    if (sample === undefined) return { body: '', workgroupSize: [1, 1, 1], workgroups: [0, 1, 1] };
    const values = wgsl.input(sample, storedType(dtype, 4));
    const load = widened(dtype, `${values}[${segmentStart(1)} + place]`, 4);
    // What lies behind the end of a tensor may be anything.
    const inside = ragged
      ? `select(vec4<f32>(), value, vec4<u32>(4u * place, 4u * place + 1u, 4u * place + 2u, 4u * place + 3u) < vec4<u32>(elements))`
      : 'value';
    return {
      ...segmentedText({
        before: '  var sum = vec4<f32>();',
        body: `  let value = ${load};
  let counted = ${inside};
  sum += counted * counted;`,
        after: `  ${wgsl.output}[${segmentStart(0)} + results + lane] = sum;`,
      }),
      segments: { rounds: ROUNDS, list },
    };
  };

/** Sums over parts of all inputs, which have to be added up: only their sum leaves this file. */
const partialSums: Operation<undefined> = {
  name: 'sumOfSquares',
  infer: (inputs) => ({ shape: [4 * inputs.reduce((rows, input) => rows + sumsOf(input), 0)], dtype: 'f32' }),
  // They are only ever added up, so what comes from above is the same number for each of them.
  gradient: (upstream, { inputs }) => {
    const scale = upstream.slice(0, 0, 1).mul(2).reshape([]);
    return inputs.map((input) => input.mul(scale));
  },
  lowering: {
    kind: 'kernel',
    segmented: true,
    outputType: () => 'vec4<f32>',
    build: [builderFor('f32'), builderFor('f16')],
  },
};

/**
 * The sum of the squares of all elements of several tensors, in one pass over them however many there are: the square of
 * the norm of a model's gradients. A scalar.
 *
 * @throws ShapeError without tensors, DTypeError for one that is not floating point
 */
export function sumOfSquares(tensors: readonly Tensor[]): Tensor {
  if (tensors.length === 0) throw new ShapeError('sumOfSquares: expected at least one tensor, got none.');
  const wrong = tensors.find(({ dtype }) => !isFloat(dtype));
  if (wrong !== undefined)
    throw new DTypeError(`sumOfSquares: expected f32 or f16 tensors, got ${wrong.dtype}.`);
  const widenedTensors = tensors.map((tensor) => (tensor.dtype === 'f16' ? tensor.cast('f32') : tensor));
  return apply(partialSums, widenedTensors, undefined).sum();
}
