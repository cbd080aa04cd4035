// N rows, V classes, D width.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, linearCrossEntropy, openDevice, type Tensor } from '../src/index.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const noise = (size: number, seed: number, scale: number): Float32Array =>
  Float32Array.from({ length: size }, (_, at) => scale * Math.sin((at + 1) * (seed + 1.37) * 12.9898));

interface Problem {
  readonly rows: number;
  readonly vocabulary: number;
  readonly width: number;
  readonly hidden: Float32Array;
  readonly weight: Float32Array;
  readonly targets: Int32Array;
}

interface Options {
  readonly labelSmoothing: number;
  readonly reduction: 'mean' | 'sum';
}

/** Losses and gradients written down as they are defined, in double precision. */
function reference(
  { rows, vocabulary, width, hidden, weight, targets }: Problem,
  { labelSmoothing, reduction }: Options,
) {
  const counted = targets.filter((target) => target !== -100).length;
  const scale = reduction === 'mean' ? 1 / counted : 1;
  const towardsHidden = new Float64Array(rows * width);
  const towardsWeight = new Float64Array(vocabulary * width);
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const target = targets[row] as number;
    if (target === -100) continue;
    const logits = Float64Array.from({ length: vocabulary }, (_, id) => {
      let sum = 0;
      for (let at = 0; at < width; at++)
        sum += (hidden[row * width + at] as number) * (weight[id * width + at] as number);
      return sum;
    });
    const highest = logits.reduce((most, logit) => Math.max(most, logit));
    const logTotal = highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
    for (let id = 0; id < vocabulary; id++) {
      const logit = logits[id] as number;
      const wanted = labelSmoothing / vocabulary + (id === target ? 1 - labelSmoothing : 0);
      loss += scale * wanted * (logTotal - logit);
      const slope = scale * (Math.exp(logit - logTotal) - wanted);
      for (let at = 0; at < width; at++) {
        towardsHidden[row * width + at] =
          (towardsHidden[row * width + at] as number) + slope * (weight[id * width + at] as number);
        towardsWeight[id * width + at] =
          (towardsWeight[id * width + at] as number) + slope * (hidden[row * width + at] as number);
      }
    }
  }
  return { loss, towardsHidden, towardsWeight };
}

function errorOf(actual: ArrayLike<number>, expected: Float64Array): number {
  expect(actual.length).toBe(expected.length);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return expected.reduce(
    (most, value, at) => Math.max(most, Math.abs(value - (actual[at] as number)) / largest),
    0,
  );
}

const makeProblem = (rows: number, vocabulary: number, width: number): Problem => ({
  rows,
  vocabulary,
  width,
  hidden: noise(rows * width, 1, 1),
  weight: noise(vocabulary * width, 2, 1),
  targets: Int32Array.from({ length: rows }, (_, row) => (row * 7919 + 3) % vocabulary),
});

/** Hidden states and output weight as variables. */
const variablesOf = ({ rows, vocabulary, width, hidden, weight }: Problem) => {
  const [h, w] = [
    device.variable(hidden, { shape: [rows, width] }),
    device.variable(weight, { shape: [vocabulary, width] }),
  ];
  return { h, w };
};

describe('linearCrossEntropy over a vocabulary of 40,000', () => {
  const problem = makeProblem(6, 40_000, 12);
  // Targets in the first and the last chunk, at the borders of chunks, and one that counts for nothing.
  problem.targets.set([0, 8191, 8192, -100, 39_999, 20_000]);

  it.each<Options & { readonly chunkSize?: number }>([
    { labelSmoothing: 0, reduction: 'mean' },
    { labelSmoothing: 0.1, reduction: 'sum' },
    // 27 chunks, more than one kernel can read.
    { labelSmoothing: 0, reduction: 'mean', chunkSize: 1500 },
  ])('has the loss and gradients of the definition, %o', async (options) => {
    const expected = reference(problem, options);
    const { h, w } = variablesOf(problem);
    const loss = linearCrossEntropy(h, w, device.tensor(problem.targets), options);
    loss.backward();
    expect(Math.abs((await loss.item()) / expected.loss - 1)).toBeLessThan(1e-6);
    expect(errorOf((await h.grad?.data()) ?? [], expected.towardsHidden)).toBeLessThan(1e-5);
    expect(errorOf((await w.grad?.data()) ?? [], expected.towardsWeight)).toBeLessThan(1e-5);
  });
});

describe('working memory of linearCrossEntropy', () => {
  /** Bytes of a step that gives the loss and both gradients. */
  async function arenaBytes(problem: Problem, chunkSize?: number): Promise<number> {
    const { h, w } = variablesOf(problem);
    const step = device.compile(({ targets }: { targets: Tensor }) => {
      const loss = linearCrossEntropy(h, w, targets, chunkSize === undefined ? {} : { chunkSize });
      loss.backward();
      return { loss, gradients: [h.grad as Tensor, w.grad as Tensor] };
    });
    const inputs = { targets: { data: problem.targets, shape: [problem.rows] } };
    const profile = await step.profile(inputs);
    step.dispose();
    h.dispose();
    w.dispose();
    return profile.arenaBytes;
  }
  const logitBytes = ({ rows, vocabulary }: Problem): number => rows * vocabulary * 4;
  const weightBytes = ({ vocabulary, width }: Problem): number => vocabulary * width * 4;

  it('holds logits of one chunk and their gradient, not those of all', async () => {
    const problem = makeProblem(512, 32_768, 16);
    const bytes = await arenaBytes(problem);
    const chunk = 512 * 8192 * 4;
    expect(bytes).toBeLessThan(2 * chunk + 2 * weightBytes(problem) + chunk / 8);
    expect(bytes).toBeLessThan(logitBytes(problem) * 0.65);
  });

  it('does so as well for rows so many that sums over a chunk are not split', async () => {
    const problem = makeProblem(5000, 2048, 8);
    expect(await arenaBytes(problem, 256)).toBeLessThan(logitBytes(problem) * 0.35);
  });

  it('takes smaller chunks for more rows by default', async () => {
    const problem = makeProblem(8192, 4096, 4);
    expect(await arenaBytes(problem)).toBeLessThan(logitBytes(problem) * 0.65);
  });
});
