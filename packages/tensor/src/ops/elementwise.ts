import { constantOf, factor, HIDDEN_ZERO, hidden, quotient } from '../compile/hidden.js';
import { checkNumber, type DType, isFloat, wgslLiteral } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import { apply, type GradientRule, type Operation } from '../operation.js';
import { formatShape, sameShape } from '../shape.js';
import { Tensor } from '../tensor.js';

/** Work of an operation that takes a polynomial or a division, relative to an addition. */
const TRANSCENDENTAL = 10;

interface ElementwiseDefinition<Attributes> {
  readonly accepts: readonly DType[];
  /** dtype of the result; that of the first input when absent. */
  readonly result?: DType | ((inputs: readonly GraphNode[], attributes: Attributes) => DType);
  readonly work?: number;
  readonly expression: (
    operands: readonly string[],
    attributes: Attributes,
    inputs: readonly GraphNode[],
  ) => string;
  readonly gradient: GradientRule<Attributes> | 'nonDifferentiable';
}

/** An operation on elements at equal indices. Operands have one shape and, unless it says otherwise, one dtype. */
function elementwise<Attributes = undefined>(
  name: string,
  definition: ElementwiseDefinition<Attributes>,
): Operation<Attributes> {
  return {
    name,
    infer(inputs, attributes) {
      const first = inputs[0] as GraphNode;
      for (const input of inputs) {
        if (!definition.accepts.includes(input.dtype)) {
          throw new DTypeError(
            `${name}: expected ${definition.accepts.join(' or ')}, got ${input.dtype}${formatShape(input.shape)}. Use cast(${input.dtype === 'f16' ? "'f32'" : ''}).`,
          );
        }
        if (!sameShape(input.shape, first.shape)) {
          throw new ShapeError(
            `internal: ${name} got ${formatShape(input.shape)} beside ${formatShape(first.shape)}.`,
          );
        }
      }
      const result =
        typeof definition.result === 'function' ? definition.result(inputs, attributes) : definition.result;
      return { shape: first.shape, dtype: result ?? first.dtype };
    },
    gradient: definition.gradient,
    lowering: { kind: 'elementwise', expression: definition.expression, work: definition.work ?? 1 },
  };
}

const FLOAT: readonly DType[] = ['f32'];
const NUMERIC: readonly DType[] = ['f32', 'i32', 'u32'];
const SIGNED: readonly DType[] = ['f32', 'i32'];
const ALL: readonly DType[] = ['f32', 'i32', 'u32', 'bool'];
const STORABLE: readonly DType[] = [...ALL, 'f16'];
const BOOL: readonly DType[] = ['bool'];

/** `f(x)` with `derivative(x, f(x))`. */
function unary(
  name: string,
  expression: (x: string) => string,
  derivative: (input: Tensor, output: Tensor) => Tensor,
  work = TRANSCENDENTAL,
  accepts = FLOAT,
): Operation<undefined> {
  return elementwise(name, {
    accepts,
    work,
    expression: ([x]) => expression(x as string),
    gradient: (upstream, { inputs, output }) => [upstream.mul(derivative(inputs[0] as Tensor, output))],
  });
}

const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;
/** From here on the tanh form of gelu is the identity, or zero, to all digits of an f32. */
const GELU_BOUND = 16;

export const unaryOperations = {
  neg: elementwise('neg', {
    accepts: SIGNED,
    expression: ([x]) => `(-${x})`,
    gradient: (upstream) => [upstream.neg()],
  }),
  exp: unary(
    'exp',
    (x) => `exp(${x})`,
    (_, output) => output,
  ),
  log: elementwise('log', {
    accepts: FLOAT,
    work: TRANSCENDENTAL,
    expression: ([x]) => `whole_log(${x})`,
    // Not times the reciprocal, which overflows where the quotient does not.
    gradient: (upstream, { inputs }) => [upstream.div(inputs[0] as Tensor)],
  }),
  sqrt: unary(
    'sqrt',
    (x) => `sqrt(${x})`,
    (_, output) => output.mul(2).reciprocal(),
  ),
  rsqrt: unary(
    'rsqrt',
    (x) => `inverseSqrt(${x})`,
    (_, output) => output.mul(output).mul(output).mul(-0.5),
  ),
  square: unary(
    'square',
    (x) => `(${x} * ${x})`,
    (input) => input.mul(2),
    1,
  ),
  reciprocal: unary(
    'reciprocal',
    (x) => `(1.0 / ${hidden(x)})`,
    (_, output) => output.mul(output).neg(),
    4,
  ),
  tanh: unary(
    'tanh',
    (x) => `safe_tanh(${x})`,
    (_, output) => output.square().neg().add(1),
  ),
  erf: unary(
    'erf',
    (x) => `erf(${x})`,
    (input) =>
      input
        .square()
        .neg()
        .exp()
        .mul(2 / Math.sqrt(Math.PI)),
  ),
  sigmoid: unary(
    'sigmoid',
    (x) => `sigmoid(${x})`,
    (_, output) => output.mul(output.neg().add(1)),
  ),
  sin: unary(
    'sin',
    (x) => `precise_sin(${x})`,
    (input) => input.cos(),
  ),
  cos: unary(
    'cos',
    (x) => `precise_cos(${x})`,
    (input) => input.sin().neg(),
  ),
  relu: elementwise('relu', {
    accepts: FLOAT,
    // NaN is not below zero, and stays.
    expression: ([x]) => `select(${x}, 0.0, ${x} < 0.0)`,
    gradient: (upstream, { inputs }) => [where((inputs[0] as Tensor).le(0), 0, upstream)],
  }),
  silu: unary(
    'silu',
    (x) => `(${x} * sigmoid(${x}))`,
    (input) => {
      const gate = input.sigmoid();
      return gate.mul(gate.neg().add(1).mul(input).add(1));
    },
  ),
  geluErf: unary(
    'geluErf',
    (x) => `(0.5 * ${x} * (1.0 + erf(${x} * ${Math.SQRT1_2})))`,
    (input) => {
      const cumulative = input.mul(Math.SQRT1_2).erf().add(1).mul(0.5);
      const density = input
        .square()
        .mul(-0.5)
        .exp()
        .mul(1 / Math.sqrt(2 * Math.PI));
      return cumulative.add(input.mul(density));
    },
    2 * TRANSCENDENTAL,
  ),
  geluTanh: unary(
    'geluTanh',
    // (1 + tanh(u)) / 2 is sigmoid(2u), which loses no digits where it is small.
    (x) => `(${x} * sigmoid(${2 * SQRT_2_OVER_PI} * (${x} + ${GELU_CUBIC} * ${x} * ${x} * ${x})))`,
    (input) => {
      const twice = input
        .square()
        .mul(GELU_CUBIC)
        .add(1)
        .mul(input)
        .mul(2 * SQRT_2_OVER_PI);
      const gate = twice.sigmoid();
      // Beyond the bound the slope of the gate is 0; its factor must not be infinite there.
      const slope = input
        .clamp(-GELU_BOUND, GELU_BOUND)
        .square()
        .mul(3 * GELU_CUBIC)
        .add(1)
        .mul(2 * SQRT_2_OVER_PI);
      return gate.add(input.mul(gate.mul(twice.neg().sigmoid()).mul(slope)));
    },
    2 * TRANSCENDENTAL,
  ),
  abs: unary(
    'abs',
    (x) => `abs(${x})`,
    (input) => input.sign(),
    1,
    SIGNED,
  ),
  sign: elementwise('sign', {
    accepts: SIGNED,
    expression: ([x]) => `sign(${x})`,
    gradient: (upstream) => [upstream.device.zeros(upstream.shape)],
  }),
  floor: elementwise('floor', {
    accepts: FLOAT,
    expression: ([x]) => `floor(${x})`,
    gradient: (upstream) => [upstream.device.zeros(upstream.shape)],
  }),
  isFinite: elementwise('isFinite', {
    accepts: ['f32', 'f16'],
    result: 'bool',
    // By its bits, since WGSL may take for granted that no value is infinite or NaN.
    expression: ([x]) => `((bitcast<u32>(${x}) & 0x7f800000u) != 0x7f800000u)`,
    gradient: 'nonDifferentiable',
  }),
  not: elementwise('not', { accepts: BOOL, expression: ([x]) => `(!${x})`, gradient: 'nonDifferentiable' }),
} as const;

const infix =
  (symbol: string) =>
  ([a, b]: readonly string[]) =>
    `(${a} ${symbol} ${b})`;

/** Whether one of two f32 operands is the other one with the sign changed. */
function areOpposite(a: GraphNode | undefined, b: GraphNode | undefined): boolean {
  const negates = (node?: GraphNode, other?: GraphNode): boolean =>
    node?.operation.name === 'neg' && node.source === undefined && node.inputs[0] === other;
  return a?.dtype === 'f32' && (negates(a, b) || negates(b, a));
}

/** The larger, or the smaller, of two numbers: NaN if one of them is. */
const extreme =
  (symbol: '>' | '<') =>
  ([a, b]: readonly string[], _: undefined, [first]: readonly GraphNode[]): string =>
    `select(${b}, ${a}, ${a} ${symbol} ${b}${first?.dtype === 'f32' ? ` || !(${a} == ${a})` : ''})`;

/** The share of an upstream gradient that each side of max or min gets: ties are halved, and NaN counts on both sides, as in PyTorch. */
function selectionGradient(loses: (a: Tensor, b: Tensor) => Tensor): GradientRule<undefined> {
  return (upstream, { inputs }) => {
    const [a, b] = inputs as [Tensor, Tensor];
    const share = where(a.eq(b), upstream.mul(0.5), upstream);
    return [where(loses(a, b), 0, share), where(loses(b, a), 0, share)];
  };
}

function comparison(
  name: string,
  expression: (operands: readonly string[]) => string,
  accepts = NUMERIC,
): Operation<undefined> {
  return elementwise(name, { accepts, result: 'bool', expression, gradient: 'nonDifferentiable' });
}

export const binaryOperations = {
  add: elementwise('add', {
    accepts: NUMERIC,
    expression: ([a, b], _, [first, second]) =>
      areOpposite(first, second) ? `(${a} + ${hidden(b as string)})` : `(${a} + ${b})`,
    gradient: (upstream) => [upstream, upstream],
  }),
  sub: elementwise('sub', {
    accepts: NUMERIC,
    expression: ([a, b], _, [first]) =>
      a === b && first?.dtype === 'f32' ? `(${a} - ${hidden(b as string)})` : `(${a} - ${b})`,
    gradient: (upstream) => [upstream, upstream.neg()],
  }),
  mul: elementwise('mul', {
    accepts: NUMERIC,
    expression: ([a, b], _, [first, second]) =>
      `(${factor(a as string, first)} * ${factor(b as string, second)})`,
    gradient: (upstream, { inputs: [a, b] }) => [upstream.mul(b as Tensor), upstream.mul(a as Tensor)],
  }),
  div: elementwise('div', {
    accepts: NUMERIC,
    expression: ([a, b], _, [first, second]) =>
      first?.dtype === 'f32' ? quotient(a as string, b as string, second) : `(${a} / ${b})`,
    work: 4,
    gradient: (upstream, { inputs, output }) => {
      const divisor = inputs[1] as Tensor;
      return [upstream.div(divisor), upstream.mul(output.div(divisor)).neg()];
    },
  }),
  pow: elementwise('pow', {
    accepts: FLOAT,
    expression: ([base, exponent], _, inputs) => {
      // PyTorch takes roots for these numbers, which are more exact, and differ in what they make of -infinity.
      const number = constantOf(inputs[1]);
      if (number === 0.5) return `sqrt(${base})`;
      if (number === -0.5) return `inverseSqrt(${base})`;
      return `power(${hidden(base as string)}, ${exponent}, ${HIDDEN_ZERO})`;
    },
    work: 2 * TRANSCENDENTAL,
    gradient: (upstream, { inputs, output }) => {
      const [base, exponent] = inputs as [Tensor, Tensor];
      const number = constantOf(exponent.node);
      const lower = base.pow(number === undefined ? exponent.sub(1) : number - 1);
      const towardsBase = upstream.mul(exponent.mul(lower));
      // d/dy x^y = x^y log x, which is 0 where x is 0 and y is not below it; NaN where x is negative.
      const vanishes = base.eq(0).and(exponent.ge(0));
      const towardsExponent = upstream.mul(output.mul(base.log()));
      return [where(exponent.eq(0), 0, towardsBase), where(vanishes, 0, towardsExponent)];
    },
  }),
  maximum: elementwise('maximum', {
    accepts: NUMERIC,
    expression: extreme('>'),
    gradient: selectionGradient((a, b) => a.lt(b)),
  }),
  minimum: elementwise('minimum', {
    accepts: NUMERIC,
    expression: extreme('<'),
    gradient: selectionGradient((a, b) => a.gt(b)),
  }),
  eq: comparison('eq', infix('=='), ALL),
  // Not by `!=`: drivers have NaN neither equal nor unequal.
  ne: comparison('ne', ([a, b]) => `(!(${a} == ${b}))`, ALL),
  lt: comparison('lt', infix('<')),
  le: comparison('le', infix('<=')),
  gt: comparison('gt', infix('>')),
  ge: comparison('ge', infix('>=')),
  and: comparison('and', infix('&'), BOOL),
  or: comparison('or', infix('|'), BOOL),
} as const;

const cast = elementwise<{ dtype: DType }>('cast', {
  accepts: STORABLE,
  result: (_, { dtype }) => dtype,
  expression: ([x], { dtype }, inputs) => {
    // A comparison needs a zero of the operand's own type.
    const from = (inputs[0] as GraphNode).dtype;
    // Rounded also where it is not stored in between. Drivers take f32(f16(x)) for x.
    if (dtype === 'f16') return `round_to_half(${from === 'f32' ? x : `f32(${x})`})`;
    return dtype === 'bool' ? `(!(${x} == ${wgslLiteral(0, from)}))` : `${dtype}(${x})`;
  },
  gradient: (upstream, { inputs }) => [isFloat((inputs[0] as Tensor).dtype) ? upstream : undefined],
});

/**
 * Converts to `dtype`; floats are truncated towards zero on their way to integers, and rounded to nearest on their way
 * to f16, beyond 65504 to infinity.
 *
 * @throws DTypeError for f16 on an adapter without `shader-f16`
 */
export function castTo(tensor: Tensor, dtype: DType): Tensor {
  if (tensor.dtype === dtype) return tensor;
  tensor.device.checkDType('cast', dtype);
  // What was widened from f16 is that again.
  const { operation, inputs, source } = tensor.node;
  const from = operation === (cast as unknown as Operation) && source === undefined ? inputs[0] : undefined;
  if (tensor.dtype === 'f32' && dtype === 'f16' && from?.dtype === 'f16') return new Tensor(from);
  return apply(cast, [tensor], { dtype });
}

const whereOperation: Operation<undefined> = {
  name: 'where',
  infer([condition, a, b]) {
    if (condition?.dtype !== 'bool') {
      throw new DTypeError(`where: expected a bool condition, got ${condition?.dtype}. Compare first.`);
    }
    if (a?.dtype !== b?.dtype) {
      throw new DTypeError(`where: the branches have dtypes ${a?.dtype} and ${b?.dtype}. Use cast().`);
    }
    return { shape: condition.shape, dtype: (a as GraphNode).dtype };
  },
  gradient(upstream, { inputs: [condition] }) {
    return [undefined, where(condition as Tensor, upstream, 0), where(condition as Tensor, 0, upstream)];
  },
  lowering: {
    kind: 'elementwise',
    work: 1,
    expression: ([condition, a, b]) => `select(${b}, ${a}, ${condition})`,
  },
};

/**
 * `a` where `condition` holds, else `b`; all three broadcast.
 *
 * @param condition - bool
 * @param a - a tensor, or a number of the dtype of `b`
 * @throws DTypeError when the condition is not bool or the branches differ in dtype
 */
export function where(condition: Tensor, a: Tensor | number, b: Tensor | number): Tensor {
  const dtype = a instanceof Tensor ? a.dtype : b instanceof Tensor ? b.dtype : 'f32';
  const branches = [a, b].map((branch) =>
    branch instanceof Tensor ? branch : condition.device.full([], branch, dtype),
  );
  const operands = Tensor.broadcast('where', [condition, ...branches]);
  return apply(whereOperation, operands, undefined);
}

interface ClampAttributes {
  readonly low: number;
  readonly high: number;
}

const clampOperation = elementwise<ClampAttributes>('clamp', {
  accepts: SIGNED,
  expression: ([x], { low, high }, inputs) => {
    const dtype = (inputs[0] as GraphNode).dtype;
    const [lowest, highest] = [wgslLiteral(low, dtype), wgslLiteral(high, dtype)];
    // NaN is on neither side, and stays.
    return `select(select(${x}, ${lowest}, ${x} < ${lowest}), ${highest}, ${x} > ${highest})`;
  },
  gradient: (upstream, { inputs, attributes }) => {
    const input = inputs[0] as Tensor;
    return [where(input.ge(attributes.low).and(input.le(attributes.high)), upstream, 0)];
  },
});

/** Limits every element to `low..high`; the gradient passes inside, borders included. */
export function clamp(tensor: Tensor, low: number, high: number): Tensor {
  if (!(low <= high)) throw new ShapeError(`clamp: expected low <= high, got ${low} and ${high}.`);
  const [lowest, highest] =
    tensor.dtype === 'i32' ? [-2147483648, 2147483647] : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const limits = { low: Math.max(low, lowest), high: Math.min(high, highest) };
  for (const limit of Object.values(limits)) checkNumber('clamp', limit, tensor.dtype);
  return apply(clampOperation, [tensor], limits);
}

/** WGSL helpers that the expressions above call; the emitter adds those that a kernel uses. */
export const ELEMENTWISE_HELPERS: Readonly<Record<string, string>> = {
  // exp overflows in some drivers' tanh past |x| = 88 (gpuweb#4458); past 15 the result is 1 in f32 anyway.
  safe_tanh: `fn safe_tanh(x: f32) -> f32 {
  // Near zero 1 - 2 / (exp(2x) + 1) cancels: a short odd series is exact to f32 there.
  let squared = x * x;
  let series = x * (1.0 + squared * (-0.33333333 + squared * (0.13333333 + squared * (-0.053968254 + squared * 0.021869488))));
  let large = 1.0 - 2.0 / (exp(2.0 * clamp(x, -15.0, 15.0)) + 1.0);
  let finite = select(large, series, abs(x) < 0.25);
  return select(x, finite, x == x);
}`,
  // Drivers take the logarithm of what is below the smallest normal number for that of the smallest normal number.
  whole_log: `fn whole_log(x: f32) -> f32 {
  let tiny = x < 1.1754944e-38;
  return log(select(x, x * 16777216.0, tiny)) - select(0.0, 16.635532, tiny);
}`,
  // Written so that exp never overflows.
  sigmoid: `fn sigmoid(x: f32) -> f32 {
  let small = exp(-abs(x));
  return select(small, 1.0, x >= 0.0) / (1.0 + small);
}`,
  // Rational minimax approximation on [-4, 4], the one of Eigen and XLA (ErfImpl32); error below 2 ulp or so.
  erf: `fn erf(value: f32) -> f32 {
  let x = clamp(value, -4.0, 4.0);
  let s = x * x;
  var p = -2.72614225801306e-10;
  p = p * s + 2.77068142495902e-08;
  p = p * s + -2.10102402082508e-06;
  p = p * s + -5.69250639462346e-05;
  p = p * s + -7.34990630326855e-04;
  p = p * s + -2.95459980854025e-03;
  p = p * s + -1.60960333262415e-02;
  var q = -1.45660718464996e-05;
  q = q * s + -2.13374055278905e-04;
  q = q * s + -1.68282697438203e-03;
  q = q * s + -7.37332916720468e-03;
  q = q * s + -1.42647390514189e-02;
  let finite = x * p / q;
  return select(value, finite, value == value);
}`,
  // WGSL promises sin and cos only to 2^-11 absolute, and only on [-pi, pi]: too coarse for rotary positions.
  // Cody-Waite reduction by pi/2 in three parts, then the Cephes sinf/cosf polynomials.
  quadrant_sin: `fn quadrant_sin(x: f32, shift: i32) -> f32 {
  let turns = round(x * 0.63661977);
  let quadrant = (i32(turns) + shift) & 3;
  var r = x - turns * 1.5703125;
  r = r - turns * 4.837512969970703e-4;
  r = r - turns * 7.549789948768648e-8;
  let s = r * r;
  let sine = r + r * s * (-1.6666654611e-1 + s * (8.3321608736e-3 + s * -1.9515295891e-4));
  let cosine = 1.0 - 0.5 * s + s * s * (4.166664568298827e-2 + s * (-1.388731625493765e-3 + s * 2.443315711809948e-5));
  let value = select(sine, cosine, (quadrant & 1) == 1);
  return select(value, -value, quadrant >= 2);
}`,
  precise_sin: `fn precise_sin(x: f32) -> f32 { return quadrant_sin(x, 0); }`,
  precise_cos: `fn precise_cos(x: f32) -> f32 { return quadrant_sin(x, 1); }`,
  // To nearest, ties to even, by the bits of the f32. Halves below 2^-14 are multiples of 2^-24.
  round_to_half: `fn round_to_half(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let magnitude = bits & 0x7fffffffu;
  let fraction = (magnitude + 0xfffu + ((magnitude >> 13u) & 1u)) & 0xffffe000u;
  let large = select(fraction, max(magnitude, 0x7f800000u), magnitude >= 0x477ff000u);
  let small = bitcast<u32>(round(bitcast<f32>(min(magnitude, 0x38800000u)) * 16777216.0) * 5.9604644775390625e-8);
  return bitcast<f32>((bits & 0x80000000u) | select(large, small, magnitude < 0x38800000u));
}`,
  // As C's pow, whose special cases PyTorch has. WGSL's is undefined for negative bases, and drivers differ about zero, one
  // and infinity. `zero` is 0, and the compiler does not know.
  power: `fn power(base: f32, exponent: f32, zero: u32) -> f32 {
  if (exponent == 0.0 || base == 1.0) { return 1.0; }
  if (exponent == 1.0) { return base; }
  if (exponent == 2.0) { return base * base; }
  if (!(base == base && exponent == exponent)) { return base + exponent; }
  let infinity = bitcast<f32>(0x7f800000u | zero);
  let size = abs(base);
  let grows = (size > 1.0) == (exponent > 0.0);
  var magnitude = pow(size, exponent);
  if (size == 1.0) { magnitude = 1.0; }
  else if (size == 0.0 || size == infinity || abs(exponent) == infinity) { magnitude = select(0.0, infinity, grows); }
  if ((bitcast<u32>(base) >> 31u) == 0u) { return magnitude; }
  if (floor(exponent) == exponent) {
    let half = exponent * 0.5;
    return select(-magnitude, magnitude, floor(half) == half);
  }
  return select(sqrt(base), magnitude, size == 0.0 || size == infinity);
}`,
};
