import { type Device, type DType, grad, type HostArray, type Tensor } from '../../src/index.js';

/** How an input is drawn: the same integer hash as in tools/fixtures/tensor_common.py. */
export interface InputSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly seed?: number;
  readonly low?: number;
  readonly high?: number;
  readonly values?: readonly (number | string)[];
  readonly permute?: readonly number[];
  /** Takes no gradient. */
  readonly constant?: boolean;
}

/** A result, whole or as every `stride`-th element. */
export interface StoredResult {
  readonly shape: readonly number[];
  readonly dtype?: DType;
  readonly stride?: number;
  readonly values: readonly (number | string)[];
}

export interface ReferenceCase {
  readonly op: string;
  readonly note?: string;
  readonly inputs: readonly InputSpec[];
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly tolerance?: number;
  /** Each element is as exact as the tolerance, however large others are. */
  readonly relative?: boolean;
  readonly output: StoredResult;
  readonly weightSeed?: number;
  readonly gradients?: readonly StoredResult[];
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** Well mixed 32-bit words: the murmur3 finalizer of a Weyl sequence. */
function hashBits(seed: number, at: number): number {
  let x = (Math.imul(at, 0x9e3779b9) + Math.imul(seed, 0x85ebca6b)) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

const SPECIAL: Readonly<Record<string, number>> = {
  inf: Number.POSITIVE_INFINITY,
  Infinity: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  nan: Number.NaN,
  NaN: Number.NaN,
};
const toNumber = (value: number | string): number =>
  typeof value === 'number' ? value : (SPECIAL[value] ?? Number(value));

function draw({ shape, dtype, seed = 0, low = 0, high = 1, values }: InputSpec): HostArray {
  const kinds = { f32: Float32Array, f16: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array };
  const element = (at: number): number => {
    if (values !== undefined) return toNumber(values[at] as number | string);
    const bits = hashBits(seed, at);
    return dtype === 'f32' ? low + (high - low) * ((bits >>> 8) * 2 ** -24) : low + (bits % (high - low));
  };
  return new kinds[dtype](Array.from({ length: sizeOf(shape) }, (_, at) => element(at)));
}

export function makeInput(device: Device, spec: InputSpec): Tensor {
  const tensor = device.tensor(draw(spec), { shape: spec.shape });
  return spec.permute === undefined ? tensor : tensor.permute(spec.permute);
}

/** Below this, results may be zero: adapters may flush what is smaller than the smallest normal number. */
const SMALLEST_NORMAL = 1.2e-38;

/** The largest error of a result, relative to its largest finite element (at least 1), or to each. */
function errorOf(actual: ArrayLike<number>, { values, stride = 1 }: StoredResult, relative: boolean): number {
  const expected = values.map(toNumber);
  const scale = Math.max(1, ...expected.filter(Number.isFinite).map(Math.abs));
  return expected.reduce((worst, value, at) => {
    const own = actual[at * stride] as number;
    if (Object.is(value, own) || value === own) return worst;
    if (Number.isNaN(value)) return Number.isNaN(own) ? worst : Number.POSITIVE_INFINITY;
    const difference = Math.abs(value - own);
    if (relative && difference <= SMALLEST_NORMAL) return worst;
    const error = difference / (relative ? Math.abs(value) : scale);
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
  }, 0);
}

/** What differs from the reference, or nothing. */
export async function checkCase(
  device: Device,
  test: ReferenceCase,
  apply: (inputs: Tensor[], args: never) => Tensor,
): Promise<string[]> {
  const tolerance = test.tolerance ?? 1e-5;
  const inputs = test.inputs.map((spec) => makeInput(device, spec));
  const output = apply(inputs, (test.arguments ?? {}) as never);
  const problems: string[] = [];
  const compare = async (name: string, tensor: Tensor, expected: StoredResult): Promise<void> => {
    if (String(tensor.shape) !== String(expected.shape)) {
      problems.push(`${name}: shape [${tensor.shape}], expected [${expected.shape}]`);
      return;
    }
    const values = await tensor.data();
    const error = errorOf(values, expected, test.relative === true);
    if (!(error <= tolerance)) {
      problems.push(
        `${name}: error ${error}; got ${[...values.subarray(0, 6)]}, expected ${expected.values.slice(0, 6)}`,
      );
    }
  };
  await compare('output', output, test.output);
  if (test.gradients !== undefined && test.weightSeed !== undefined && problems.length === 0) {
    const weights = makeInput(device, {
      shape: output.shape,
      dtype: 'f32',
      seed: test.weightSeed,
      low: -1,
      high: 1,
    });
    const leaves = inputs.filter((_, at) => test.inputs[at]?.dtype === 'f32' && !test.inputs[at]?.constant);
    const gradients = grad(output.mul(weights).sum(), leaves);
    for (const [at, gradient] of gradients.entries()) {
      await compare(`gradient ${at}`, gradient, test.gradients[at] as StoredResult);
    }
  }
  return problems;
}
