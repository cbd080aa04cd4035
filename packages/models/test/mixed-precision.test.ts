// Mixed precision against f32, in training of a small transformer.
//
// Tolerance of losses over the first 20 updates: 1e-3 of the loss. A half has 11 significant bits (2^-11 = 5e-4), and the
// errors of many roundings do not all point one way: measured are 9e-5 and 4e-5. Higher rates spread them further: AdamW
// makes large steps of small differences.

import { AdamW, clipGradNorm, LossScaler, takeGradients } from '@foretoken/nn';
import { crossEntropy, HostRandom, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  causalMask,
  generate,
  gpt2Config,
  llamaConfig,
  Transformer,
  type TransformerConfig,
} from '../src/index.js';
import { useDevice } from './support/device.js';
import { createModel, smallConfigs, styles } from './support/models.js';

const gpu = useDevice();
const TOLERANCE = 1e-3;
/** Measured: two thirds for GPT, three quarters for Llama, whose rotations are f32. */
const MEMORY = 0.8;
const UPDATES = 20;
const [BATCH, TIME, VOCABULARY] = [8, 64, 64];

interface Training {
  readonly losses: readonly number[];
  readonly arenaBytes: number | undefined;
  readonly dtypes: ReadonlySet<string>;
  readonly skippedSteps: number;
}

/** Learns one batch by heart. */
async function train(config: TransformerConfig): Promise<Training> {
  const { device } = gpu;
  const model = new Transformer(device, config, new HostRandom(1));
  const parameters = model.parameters();
  const optimizer = new AdamW(parameters);
  const scaler = new LossScaler(device);
  type Inputs = Record<'tokens' | 'targets' | 'learningRate' | 'stepNumber', Tensor>;
  const step = device.compile(({ tokens, targets, ...scalars }: Inputs) => {
    const positions = device.arange(TIME).reshape([1, TIME]).expand([BATCH, TIME]);
    const hidden = model.trunk({ tokens, positions, mask: causalMask(device, TIME) });
    const logits = model.logits(hidden).reshape([BATCH * TIME, VOCABULARY]);
    const loss = crossEntropy(logits, targets.flatten());
    scaler.scale(loss).backward();
    const { gradients, finite } = scaler.unscale(takeGradients(parameters));
    scaler.step(optimizer, clipGradNorm(gradients, 1).gradients, scalars, finite);
    scaler.update(finite);
    return { loss };
  });
  const random = new HostRandom(2);
  const draw = () => ({
    data: Int32Array.from({ length: BATCH * TIME }, () => random.integer(VOCABULARY)),
    shape: [BATCH, TIME],
  });
  const batch = { tokens: draw(), targets: draw() };
  const inputs = (update: number) => ({
    ...batch,
    learningRate: { data: Float32Array.of(1e-3), shape: [] },
    stepNumber: { data: Float32Array.of(update), shape: [] },
  });
  const losses: number[] = [];
  for (let update = 1; update <= UPDATES; update++) losses.push(await step.run(inputs(update)).loss.item());
  const timed = device.features.has('timestamp-query');
  const arenaBytes = timed ? (await step.profile(inputs(UPDATES + 1))).arenaBytes : undefined;
  const result: Training = {
    losses,
    arenaBytes,
    dtypes: new Set([...(await model.stateDict()).values()].map(({ dtype }) => dtype)),
    skippedSteps: (await scaler.stateDict()).get('skippedSteps')?.data[0] as number,
  };
  step.dispose();
  optimizer.dispose();
  scaler.dispose();
  model.dispose();
  return result;
}

const size = { vocabularySize: VOCABULARY, width: 64, layers: 2, maxPositions: TIME };
const configs = {
  gpt2: gpt2Config({ ...size, heads: 4 }),
  llama: llamaConfig({ ...size, heads: 4, keyValueHeads: 2, mlpWidth: 96 }),
} satisfies Record<string, TransformerConfig>;

describe('precision f16', () => {
  it.each(Object.entries(configs))(
    'trains %s as f32 does, with f32 parameters and less memory',
    async (_, config) => {
      if (!gpu.device.features.has('shader-f16')) return;
      const [wide, half] = [await train(config), await train({ ...config, precision: 'f16' })];
      expect([...half.dtypes]).toEqual(['f32']);
      expect(half.skippedSteps).toBe(0);
      const relative = half.losses.map((loss, at) => Math.abs(loss / (wide.losses[at] as number) - 1));
      expect(half.losses).not.toEqual(wide.losses);
      expect(Math.max(...relative)).toBeLessThan(TOLERANCE);
      expect(half.losses.at(-1)).toBeLessThan((half.losses[0] as number) * 0.9);
      if (half.arenaBytes !== undefined && wide.arenaBytes !== undefined) {
        expect(half.arenaBytes).toBeLessThan(MEMORY * wide.arenaBytes);
      }
    },
  );

  it('goes together with activation checkpointing', async () => {
    if (!gpu.device.features.has('shader-f16')) return;
    const config = { ...configs.gpt2, precision: 'f16' } as const;
    const [plain, again] = [
      await train(config),
      await train({ ...config, activationCheckpointing: 'blocks' }),
    ];
    expect(again.losses).toEqual(plain.losses);
  });

  it.each(styles)('generates with a cache what f32 generates, %s', async (style) => {
    if (!gpu.device.features.has('shader-f16')) return;
    const [wide, half] = (['f32', 'f16'] as const).map((precision) =>
      createModel(gpu.device, { ...smallConfigs[style], precision }),
    ) as [Transformer, Transformer];
    half.loadStateDict(await wide.stateDict());
    const options = { maxNewTokens: 8, greedy: true };
    const prompts = [[1, 2, 3, 4], [7]];
    expect(await generate(half, prompts, options)).toEqual(await generate(wide, prompts, options));
  });

  it('is f32 unless asked for', () => {
    expect(configs.gpt2.precision).toBe('f32');
  });
});
