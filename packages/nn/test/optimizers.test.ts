import type { Tensor, Variable } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { AdamW, decayGroups, type Optimizer, SGD, type StepScalars } from '../src/index.js';
import { useDevice } from './support/device.js';
import { expectClose, loadReference, pick, toVariable } from './support/reference.js';

const gpu = useDevice();
const reference = loadReference('optimizers');
const NAMES = ['matrix', 'vector'] as const;
type Parameters = Map<string, Variable>;
type AnyOptimizer = Pick<Optimizer<object>, 'step' | 'dispose'>;

const createParameters = (): Parameters =>
  new Map(NAMES.map((name) => [name, toVariable(gpu.device, pick(reference, `initial.${name}`), name)]));

/** The gradients that the reference used in a step, counted from 0. */
function gradientsOf(step: number): Map<string, { data: Float32Array; shape: readonly number[] }> {
  return new Map(
    NAMES.map((name) => {
      const { data, shape } = pick(reference, `gradients.${name}`);
      const size = data.length / 10;
      return [
        name,
        { data: (data as Float32Array).slice(step * size, (step + 1) * size), shape: shape.slice(1) },
      ];
    }),
  );
}

const scalar = (value: number): { data: Float32Array; shape: number[] } => ({
  data: Float32Array.of(value),
  shape: [],
});

/** Runs ten steps of an optimizer in one compiled step, and looks at the parameters after the first and the last. */
async function compare(label: string, make: (parameters: Parameters) => AnyOptimizer): Promise<void> {
  const parameters = createParameters();
  const optimizer = make(parameters);
  const step = gpu.device.compile(
    ({
      matrix,
      vector,
      ...scalars
    }: Record<(typeof NAMES)[number], Tensor> & StepScalars & Record<string, Tensor>) => {
      optimizer.step(new Map(Object.entries({ matrix, vector })), scalars);
      return {};
    },
  );
  for (let index = 0; index < 10; index++) {
    const { matrix, vector } = Object.fromEntries(gradientsOf(index));
    if (matrix === undefined || vector === undefined) throw new Error('gradients are missing');
    const learningRate = scalar(pick(reference, 'rates').data[index] as number);
    step.run({ matrix, vector, learningRate, stepNumber: scalar(index + 1) });
    if (index !== 0 && index !== 9) continue;
    for (const [name, variable] of parameters) {
      await expectClose(variable, pick(reference, `${label}.${index + 1}.${name}`), 2e-6);
    }
  }
}

describe('AdamW against torch.optim.AdamW, ten steps', () => {
  it('with defaults', () => compare('adamw', (parameters) => new AdamW(parameters)));

  it('with its own settings', () =>
    compare(
      'adamw-custom',
      (parameters) => new AdamW(parameters, { betas: [0.8, 0.95], eps: 1e-3, weightDecay: 0.3 }),
    ));

  it('with decay for matrices only', () =>
    compare('adamw-groups', (parameters) => new AdamW(decayGroups(parameters, 0.5))));
});

describe('bias correction', () => {
  it('is exact to f32 at any step, where 1 - beta^t cancels and where it does not', async () => {
    const [beta1, beta2, eps, gradient] = [0.9, 0.999, 1e-8, 0.5];
    for (const step of [1, 2, 3, 10, 100, 500, 1000, 10_000, 1_000_000]) {
      const weight = gpu.device.variable(Float32Array.of(0), { name: 'weight' });
      const optimizer = new AdamW(new Map([['weight', weight]]), { betas: [beta1, beta2], eps });
      const scalars = { learningRate: gpu.device.full([], 1), stepNumber: gpu.device.full([], step, 'i32') };
      optimizer.step(new Map([['weight', gpu.device.full([1], gradient)]]), scalars);
      const mean = ((1 - beta1) * gradient) / (1 - beta1 ** step);
      const root = Math.sqrt(((1 - beta2) * gradient ** 2) / (1 - beta2 ** step));
      const expected = -mean / (root + eps);
      expect(Math.abs((await weight.item()) / expected - 1), `step ${step}`).toBeLessThan(3e-6);
    }
  });
});

describe('SGD against torch.optim.SGD, ten steps', () => {
  it('plain', () => compare('sgd', (parameters) => new SGD(parameters)));

  it('with momentum and decay', () =>
    compare('sgd-momentum', (parameters) => new SGD(parameters, { momentum: 0.9, weightDecay: 0.1 })));

  it("with Nesterov's momentum", () =>
    compare(
      'sgd-nesterov',
      (parameters) => new SGD(parameters, { momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
    ));
});

describe('optimizers', () => {
  const scalars = (step: number): StepScalars => ({
    learningRate: gpu.device.full([], 0.1),
    stepNumber: gpu.device.full([], step, 'i32'),
  });

  it('take the gradients of backward() and clear them', async () => {
    const weight = gpu.device.variable(Float32Array.of(1, 2), { name: 'weight' });
    const optimizer = new SGD(new Map([['weight', weight]]));
    weight.square().sum().backward();
    optimizer.step(undefined, scalars(1));
    expect(weight.grad).toBeUndefined();
    const updated = await weight.data();
    expect(updated[0]).toBeCloseTo(0.8, 6);
    expect(updated[1]).toBeCloseTo(1.6, 6);
  });

  it('leave parameters without a gradient as they are', async () => {
    const weight = gpu.device.variable(Float32Array.of(1), { name: 'weight' });
    new AdamW(new Map([['weight', weight]])).step(new Map(), scalars(1));
    expect(await weight.data()).toEqual(Float32Array.of(1));
  });

  it('go on from their saved state with the same bits', async () => {
    const run = async (saveAt: number): Promise<Float32Array> => {
      let weight = gpu.device.variable(Float32Array.of(1, -2), { name: 'weight' });
      let optimizer = new AdamW(new Map([['weight', weight]]));
      for (let step = 1; step <= 6; step++) {
        weight.square().mul(step).sum().backward();
        optimizer.step(undefined, scalars(step));
        gpu.device.realize(weight, ...optimizer.state().values());
        if (step !== saveAt) continue;
        const state = await optimizer.stateDict();
        weight = gpu.device.variable(await weight.data(), { name: 'weight' });
        optimizer = new AdamW(new Map([['weight', weight]]));
        optimizer.loadStateDict(state);
      }
      return (await weight.data()) as Float32Array;
    };
    expect(await run(3)).toEqual(await run(-1));
  });

  it('make groups of matrices and of everything else', () => {
    const [decaying, plain] = decayGroups(createParameters(), 0.1);
    expect([...(decaying?.parameters.keys() ?? [])]).toEqual(['matrix']);
    expect([...(plain?.parameters.keys() ?? [])]).toEqual(['vector']);
    expect([decaying?.weightDecay, plain?.weightDecay]).toEqual([0.1, 0]);
  });

  it('refuse what cannot work', () => {
    const parameters = createParameters();
    expect(() => new AdamW([{ parameters }, { parameters }])).toThrow(
      'AdamW: parameter matrix is in two groups.',
    );
    expect(() => new AdamW(new Map())).toThrow('AdamW: no trainable parameters.');
    expect(() => new AdamW(parameters, { betas: [1, 0.9] })).toThrow('betas[0] must lie in [0, 1)');
    expect(() => new SGD(parameters, { nesterov: true })).toThrow('nesterov needs a momentum above 0');
  });
});
