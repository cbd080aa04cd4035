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
