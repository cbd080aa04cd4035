import { HostRandom, type Tensor, type Variable } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  AdamW,
  ConfigError,
  clipGradNorm,
  Linear,
  LossScaler,
  type LossScalerConfig,
  type Optimizer,
  SGD,
  StateDictError,
  takeGradients,
} from '../src/index.js';
import { useDevice } from './support/device.js';

const gpu = useDevice();

const WIDTH = 6;
const scalar = (value: number): { data: Float32Array; shape: number[] } => ({
  data: Float32Array.of(value),
  shape: [],
});

interface Setup {
  readonly parameters: Map<string, Variable>;
  readonly optimizer: Pick<Optimizer<object>, 'state'>;
  readonly scaler: LossScaler;
  /** Runs update number `at`; `factor` multiplies the loss, and `stepNumber` is what the optimizer is told. @returns loss and gradient norm */
  run(at: number, factor?: number, stepNumber?: number): Promise<number[]>;
  /** Everything that an update may change, by name. */
  values(): Promise<Record<string, readonly number[]>>;
}

/** A regression in one compiled step, with or without loss scaling. */
function setUp(kind: 'adamw' | 'sgd', config: LossScalerConfig | undefined, seed = 1): Setup {
  const { device } = gpu;
  const model = new Linear(device, { inWidth: WIDTH, outWidth: 3 }, new HostRandom(seed));
  const parameters = model.parameters();
  const optimizer =
    kind === 'adamw' ? new AdamW(parameters, { weightDecay: 0.1 }) : new SGD(parameters, { momentum: 0.9 });
  const scaler = new LossScaler(device, config);
  const step = device.compile(
    ({
      x,
      factor,
      learningRate,
      stepNumber,
    }: Record<'x' | 'factor' | 'learningRate' | 'stepNumber', Tensor>) => {
      const loss = model.forward(x).sub(1).square().mean().mul(factor);
      const scalars = { learningRate, stepNumber };
      if (config === undefined) {
        loss.backward();
        const { gradients, norm } = clipGradNorm(takeGradients(parameters), 0.5);
        (optimizer as AdamW).step(gradients, scalars);
        return { loss, norm };
      }
      scaler.scale(loss).backward();
      const { gradients, finite } = scaler.unscale(takeGradients(parameters));
      const clipped = clipGradNorm(gradients, 0.5);
      scaler.step(optimizer as AdamW, clipped.gradients, scalars, finite);
      scaler.update(finite);
      return { loss, norm: clipped.norm };
    },
  );
  return {
    parameters,
    optimizer,
    scaler,
    run: async (at, factor = 1, stepNumber = at + 1) => {
      const random = new HostRandom(7, at);
      const data = Float32Array.from({ length: 4 * WIDTH }, () => random.uniform());
      const { loss, norm } = step.run({
        x: { data, shape: [4, WIDTH] },
        factor: scalar(factor),
        learningRate: scalar(0.05),
        stepNumber: scalar(stepNumber),
      });
      return [await loss.item(), await norm.item()];
    },
    values: async () => {
      const all = [...parameters, ...optimizer.state()];
      return Object.fromEntries(
        await Promise.all(all.map(async ([name, variable]) => [name, [...(await variable.data())]] as const)),
      );
    },
  };
}

const stateOf = async (scaler: LossScaler): Promise<Record<string, number>> =>
  Object.fromEntries([...(await scaler.stateDict())].map(([name, { data }]) => [name, data[0] as number]));

describe.each(['adamw', 'sgd'] as const)('LossScaler with %s', (kind) => {
  it('equals training without it, to the bit, where nothing overflows', async () => {
    const [plain, scaled] = [setUp(kind, undefined), setUp(kind, {})];
    for (let at = 0; at < 8; at++) expect(await scaled.run(at)).toEqual(await plain.run(at));
    expect(await scaled.values()).toEqual(await plain.values());
    expect(await stateOf(scaled.scaler)).toEqual({ scale: 65536, goodSteps: 8, skippedSteps: 0 });
  });

  it('skips a step whose gradients overflow, and halves the scale', async () => {
    const setup = setUp(kind, { initialScale: 1024 });
    await setup.run(0);
    const before = await setup.values();
    // The loss is finite, but its gradients times the scale are not.
    const [loss] = await setup.run(1, 1e36);
    expect(Number.isFinite(loss)).toBe(true);
    expect(await setup.values()).toEqual(before);
    expect(await stateOf(setup.scaler)).toEqual({ scale: 512, goodSteps: 0, skippedSteps: 1 });
    await setup.run(2);
    expect(await setup.values()).not.toEqual(before);
    expect(await stateOf(setup.scaler)).toEqual({ scale: 512, goodSteps: 1, skippedSteps: 1 });
  });

  it('skips NaN', async () => {
    const setup = setUp(kind, {});
    const before = await setup.values();
    await setup.run(0, Number.NaN);
    expect(await setup.values()).toEqual(before);
    expect((await stateOf(setup.scaler))['scale']).toBe(32768);
  });

  it('counts no skipped step: training goes on as if it had not been there', async () => {
    const [plain, scaled] = [setUp(kind, undefined), setUp(kind, { initialScale: 4 })];
    await scaled.run(0, Number.POSITIVE_INFINITY);
    await scaled.run(1, Number.NaN);
    // The same batches, with bias corrections from the first step on.
    for (let at = 2; at < 6; at++) expect(await scaled.run(at)).toEqual(await plain.run(at, 1, at - 1));
    expect(await scaled.values()).toEqual(await plain.values());
  });
});

describe('LossScaler', () => {
  it('grows after so many good steps in a row', async () => {
    const setup = setUp('adamw', { initialScale: 8, growthInterval: 3, growthFactor: 4 });
    const scales: (number | undefined)[] = [];
    for (let at = 0; at < 8; at++) {
      await setup.run(at, at === 4 ? Number.POSITIVE_INFINITY : 1);
      scales.push((await stateOf(setup.scaler))['scale']);
    }
    expect(scales).toEqual([8, 8, 32, 32, 16, 16, 16, 64]);
  });

  it('resumes from its state to the same bits', async () => {
    const config = { initialScale: 2 ** 20, growthInterval: 2 };
    const [whole, first, second] = [
      setUp('adamw', config),
      setUp('adamw', config),
      setUp('adamw', config, 2),
    ];
    const factor = (at: number): number => (at === 1 ? Number.POSITIVE_INFINITY : 1);
    for (let at = 0; at < 6; at++) await whole.run(at, factor(at));
    for (let at = 0; at < 3; at++) await first.run(at, factor(at));
    for (const [name, variable] of [...first.parameters, ...first.optimizer.state()]) {
      const target = second.parameters.get(name) ?? second.optimizer.state().get(name);
      target?.load(await variable.data());
    }
    second.scaler.loadStateDict(await first.scaler.stateDict());
    for (let at = 3; at < 6; at++) await second.run(at, factor(at));
    expect(await second.values()).toEqual(await whole.values());
    expect(await stateOf(second.scaler)).toEqual(await stateOf(whole.scaler));
  });

  it('refuses settings and states that make no sense', () => {
    expect(() => new LossScaler(gpu.device, { initialScale: 0 })).toThrow(ConfigError);
    expect(() => new LossScaler(gpu.device, { growthFactor: 0.5 })).toThrow(ConfigError);
    expect(() => new LossScaler(gpu.device, { backoffFactor: 1 })).toThrow(ConfigError);
    expect(() => new LossScaler(gpu.device, { growthInterval: 0 })).toThrow(ConfigError);
    const scaler = new LossScaler(gpu.device);
    expect(() => scaler.unscale(new Map())).toThrow('LossScaler: no gradients.');
    expect(() => scaler.loadStateDict(new Map())).toThrow(StateDictError);
    scaler.dispose();
  });
});
