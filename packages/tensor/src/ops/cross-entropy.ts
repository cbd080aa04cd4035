import { customGradient } from '../autograd.js';
import { DTypeError, ForetokenError, ShapeError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import { type RowStatisticsAttributes, rowStatisticsKernel } from '../kernels/row-statistics.js';
import { apply, type Operation } from '../operation.js';
import { formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { where } from './elementwise.js';
import { checkIndices } from './indices.js';
import { matmul } from './matmul.js';
import { concat } from './movement.js';
import { again, store } from './order.js';
import { partOf } from './part.js';
import { softCap, softCapSlope } from './soft-cap.js';

export interface CrossEntropyOptions {
  /** Targets with this value count for nothing. Default -100. */
  readonly ignoreIndex?: number;
  /** Share of the target probability that is spread evenly over all classes. Default 0. */
  readonly labelSmoothing?: number;
  /** `mean` is over the targets that count; over none it is 0. Default `mean`. */
  readonly reduction?: 'mean' | 'sum' | 'none';
}

export interface LinearCrossEntropyOptions extends CrossEntropyOptions {
  /** Rows of the weight that are multiplied at a time. Default 8192, or fewer where that makes more than 2^23 logits. */
  readonly chunkSize?: number;
  /** Logits become `softCap * tanh(logits / softCap)`. They are not capped when it is absent. */
  readonly softCap?: number | undefined;
}

const MAX_CHUNK = 8192;
/** So many rows at least, to keep products efficient. */
const MIN_CHUNK = 256;
const MAX_LOGITS = 2 ** 23;

const defaultChunk = (count: number): number =>
  Math.max(MIN_CHUNK, Math.min(MAX_CHUNK, 2 ** Math.floor(Math.log2(MAX_LOGITS / Math.max(count, 1)))));

interface Resolved {
  readonly ignoreIndex: number;
  readonly labelSmoothing: number;
  readonly reduction: 'mean' | 'sum' | 'none';
}

function resolve(op: string, options: CrossEntropyOptions): Resolved {
  const { ignoreIndex = -100, labelSmoothing = 0, reduction = 'mean' } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new ForetokenError(`${op}: expected labelSmoothing from 0 to 1, got ${labelSmoothing}.`);
  }
  return { ignoreIndex, labelSmoothing, reduction };
}

function checkTargets(op: string, rows: Tensor, targets: Tensor, classes: number, ignoreIndex: number): void {
  if (targets.dtype !== 'i32')
    throw new DTypeError(`${op}: expected i32 targets, got ${targets.dtype}. Use cast('i32').`);
  if (rows.rank !== 2 || targets.rank !== 1 || rows.shape[0] !== targets.shape[0]) {
    throw new ShapeError(
      `${op}: expected rows [count, size] and targets [count], got ${formatShape(rows.shape)} and ${formatShape(targets.shape)}.`,
    );
  }
  checkIndices(targets, {
    name: `${op}: target`,
    size: classes,
    also: { value: ignoreIndex, name: 'ignoreIndex' },
  });
}

/** Losses of the rows that count, reduced; NaN for a target that is none of the classes. */
function reduceRows(
  losses: Tensor,
  targets: Tensor,
  classes: number,
  { ignoreIndex, reduction }: Resolved,
): Tensor {
  const counted = targets.ne(ignoreIndex);
  const known = targets.ge(0).and(targets.lt(classes));
  const masked = where(counted, where(known, losses, Number.NaN), 0);
  if (reduction === 'none') return masked;
  const total = masked.sum();
  return reduction === 'sum' ? total : total.div(counted.cast('f32').sum().maximum(1));
}

/** `log(exp(a) + exp(b))`, around the larger of both. */
const logAddExp = (a: Tensor, b: Tensor): Tensor => a.maximum(b).add(a.sub(b).abs().neg().exp().add(1).log());

/** Loss of each row, and its gradient with respect to the logits, from the parts that need the whole row. */
interface RowStatistics {
  /** `[count]`: log of the sum of exponentials. */
  readonly logTotal: Tensor;
  /** `[count]`: the logit of the target. */
  readonly chosen: Tensor;
  /** `[count]`: the mean of all logits, where labels are smoothed. */
  readonly average: Tensor | undefined;
}

/** `-(1 - s) log p(target) - s mean log p`, as torch.nn.functional.cross_entropy smooths. */
function rowLosses({ logTotal, chosen, average }: RowStatistics, labelSmoothing: number): Tensor {
  const plain = logTotal.sub(chosen);
  return average === undefined
    ? plain
    : plain.mul(1 - labelSmoothing).add(logTotal.sub(average).mul(labelSmoothing));
}

/** `upstream (softmax - target distribution)` for the classes from `first` on. */
function logitsGradient(
  logits: Tensor,
  first: number,
  vocabulary: number,
  targets: Tensor,
  logTotal: Tensor,
  upstream: Tensor,
  labelSmoothing: number,
): Tensor {
  const classes = logits.device.indices(logits.shape, 1);
  const hit = classes.eq(targets.sub(first).unsqueeze(1)).cast('f32');
  const wanted = labelSmoothing === 0 ? hit : hit.mul(1 - labelSmoothing).add(labelSmoothing / vocabulary);
  return logits.sub(logTotal.unsqueeze(1)).exp().sub(wanted).mul(upstream.unsqueeze(1));
}

const rowStatistics: Operation<RowStatisticsAttributes> = {
  name: 'rowStatistics',
  infer: (inputs) => ({ shape: [(inputs[0] as GraphNode).shape[0] as number], dtype: 'f32' }),
  gradient: (upstream, { inputs, output }) => [
    (inputs[0] as Tensor).sub(output.unsqueeze(1)).exp().mul(upstream.unsqueeze(1)),
    undefined,
  ],
  lowering: { kind: 'kernel', build: rowStatisticsKernel },
};

/**
 * Of logits `[count, classes]` for the classes from `first` on: the log of each row's sum of exponentials, and the logit that
 * its target names, 0 where that lies not among these classes. The latter has no gradient.
 */
function statisticsOf(
  logits: Tensor,
  first: number,
  targets: Tensor,
): Pick<RowStatistics, 'logTotal' | 'chosen'> {
  const logTotal = apply(rowStatistics, [logits, targets], { first });
  return { logTotal, chosen: partOf(logTotal, 1, logTotal.shape) };
}

/**
 * Cross-entropy of softmax(logits) against class indices.
 *
 * @param logits - f32 `[count, classes]`
 * @param targets - i32 `[count]`, each one of the classes, or `ignoreIndex`
 * @throws IndexError for another target that the host knows; computed on the GPU its loss is NaN
 * @returns a scalar, or `[count]` for reduction `none`
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const resolved = resolve('crossEntropy', options);
  const { ignoreIndex, labelSmoothing } = resolved;
  const classes = logits.shape[1] as number;
  checkTargets('crossEntropy', logits, targets, classes, ignoreIndex);
  const { logTotal, chosen } = statisticsOf(logits, 0, targets);
  const average = labelSmoothing === 0 ? undefined : logits.mean(1);
  const losses = rowLosses({ logTotal, chosen, average }, labelSmoothing);
  const rows = customGradient(losses, [logits], (upstream) => [
    logitsGradient(logits, 0, classes, targets, logTotal, upstream, labelSmoothing),
  ]);
  return reduceRows(rows, targets, classes, resolved);
}

/**
 * `crossEntropy(hidden weight', targets)`, whose logits are made a chunk of the vocabulary at a time, and all but the
 * last chunk again for the gradient, so that no more than `[count, chunkSize]` of them exist at once, and their
 * gradient. With `softCap`, logits are capped as `softCap()` does it.
 *
 * @param hidden - f32 `[count, width]`
 * @param weight - f32 `[vocabulary, width]`
 * @param targets - i32 `[count]`, each a row of the weight, or `ignoreIndex`
 * @throws IndexError for another target that the host knows; computed on the GPU its loss is NaN
 */
export function linearCrossEntropy(
  hidden: Tensor,
  weight: Tensor,
  targets: Tensor,
  options: LinearCrossEntropyOptions = {},
): Tensor {
  const resolved = resolve('linearCrossEntropy', options);
  const { ignoreIndex, labelSmoothing } = resolved;
  if (weight.rank !== 2 || weight.shape[1] !== hidden.shape[1]) {
    throw new ShapeError(
      `linearCrossEntropy: hidden ${formatShape(hidden.shape)} and weight ${formatShape(weight.shape)} differ in width.`,
    );
  }
  checkTargets('linearCrossEntropy', hidden, targets, weight.shape[0] as number, ignoreIndex);
  const { chunkSize = defaultChunk(hidden.shape[0] as number), softCap: cap } = options;
  if (!Number.isInteger(chunkSize) || chunkSize < 1) {
    throw new ForetokenError(`linearCrossEntropy: expected a positive chunkSize, got ${chunkSize}.`);
  }
  const vocabulary = weight.shape[0] as number;
  const starts = Array.from({ length: Math.ceil(vocabulary / chunkSize) }, (_, at) => at * chunkSize);
  // Results of single chunks are stored at once; the logits need not wait for the kernel that joins them.
  const settle = starts.length > 1 ? store : (tensor: Tensor) => tensor;
  const add = (sum: Tensor | undefined, part: Tensor): Tensor =>
    settle(sum === undefined ? part : sum.add(part));
  const chunk = (first: number, of = weight): Tensor => of.slice(0, first, first + chunkSize);
  const logitsOf = (rows: Tensor, part: Tensor): Tensor => {
    const logits = matmul(rows, part, { transposeB: true });
    return cap === undefined ? logits : softCap(logits, cap);
  };

  let logTotal: Tensor | undefined;
  let chosen: Tensor | undefined;
  let sum: Tensor | undefined;
  for (const first of starts) {
    const logits = logitsOf(hidden, chunk(first));
    const part = statisticsOf(logits, first, targets);
    logTotal = settle(logTotal === undefined ? part.logTotal : logAddExp(logTotal, part.logTotal));
    chosen = add(chosen, part.chosen);
    if (labelSmoothing > 0) sum = add(sum, logits.sum(1));
  }
  const whole = logTotal as Tensor;
  const statistics = { logTotal: whole, chosen: chosen as Tensor, average: sum?.div(vocabulary) };
  const rows = customGradient(rowLosses(statistics, labelSmoothing), [hidden, weight], (upstream) => {
    let towardsHidden: Tensor | undefined;
    const towardsWeight: Tensor[] = [];
    // The last chunk comes first: its logits are still there.
    for (const first of starts.toReversed()) {
      const isLast = first === starts.at(-1);
      const part = chunk(first, isLast ? weight : again(weight, upstream));
      const logits = logitsOf(isLast ? hidden : again(hidden, upstream), part);
      const towardsLogits = logitsGradient(
        logits,
        first,
        vocabulary,
        targets,
        whole,
        upstream,
        labelSmoothing,
      );
      const slope = cap === undefined ? towardsLogits : towardsLogits.mul(softCapSlope(logits, cap));
      towardsHidden = add(towardsHidden, matmul(slope, part));
      towardsWeight.unshift(matmul(slope, hidden, { transposeA: true }));
    }
    return [towardsHidden, concat(towardsWeight, 0)];
  });
  return reduceRows(rows, targets, vocabulary, resolved);
}
