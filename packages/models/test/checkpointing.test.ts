import { crossEntropy, type HostArray, linearCrossEntropy, randomKey, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { causalMask, generate, type Transformer, transformerConfig } from '../src/index.js';
import { useDevice } from './support/device.js';
import { createModel, smallConfigs, styles } from './support/models.js';
import { relativeError } from './support/reference.js';

const gpu = useDevice();
const BATCH = 3;

/** One model twice: it keeps its activations, or computes them again. */
function bothWays(config: Parameters<typeof transformerConfig>[0]): [Transformer, Transformer] {
  const make = (activationCheckpointing: 'none' | 'blocks'): Transformer =>
    createModel(gpu.device, transformerConfig({ ...config, activationCheckpointing }));
  return [make('none'), make('blocks')];
}

const someTokens = (time: number, vocabulary: number): Int32Array =>
  Int32Array.from({ length: BATCH * time }, (_, at) => (at * 7 + Math.floor(at / time)) % vocabulary);

function hiddenStates(model: Transformer, tokens: Tensor, dropoutKey?: Tensor): Tensor {
  const { device } = model;
  const [, time] = tokens.shape as [number, number];
  return model
    .trunk({
      tokens,
      positions: device.arange(time).reshape([1, time]).expand(tokens.shape),
      mask: causalMask(device, time),
      dropoutKey,
    })
    .reshape([tokens.size, model.config.width]);
}

/** Compares loss and gradients of a model with and without checkpoints. */
async function expectSameTraining(config: Parameters<typeof transformerConfig>[0], tolerance: number) {
  const time = 9;
  const outcomes: HostArray[][] = [];
  for (const model of bothWays(config)) {
    const data = someTokens(time, model.config.vocabularySize);
    const tokens = gpu.device.tensor(data, { shape: [BATCH, time] });
    const hidden = hiddenStates(model, tokens, gpu.device.tensor(randomKey(4)));
    const loss = crossEntropy(model.logits(hidden), tokens.flatten());
    loss.backward();
    const gradients = [...model.parameters().values()].map((each) => each.grad as Tensor);
    outcomes.push(await Promise.all([loss, ...gradients].map((tensor) => tensor.data())));
    model.dispose();
  }
  const [expected, actual] = outcomes as [HostArray[], HostArray[]];
  expect(actual).toHaveLength(expected.length);
  for (const [at, values] of expected.entries()) {
    expect(values.some((value) => value !== 0)).toBe(true);
    expect(relativeError(actual[at] as HostArray, values)).toBeLessThan(tolerance);
  }
}

describe.each(styles)('%s', (style) => {
  it('has the same loss and gradients with activation checkpointing, dropout included', async () => {
    await expectSameTraining({ ...smallConfigs[style], dropout: 0.2 }, 1e-5);
  });

  it('does so in f16', async ({ skip }) => {
    skip(!gpu.device.features.has('shader-f16'), 'this adapter has no f16');
    await expectSameTraining({ ...smallConfigs[style], precision: 'f16' }, 2e-3);
  });

  it('generates the same tokens', async () => {
    const prompts = [[1, 2, 3, 4], [7]];
    const options = { maxNewTokens: 6, greedy: true };
    const [expected, actual] = await Promise.all(
      bothWays(smallConfigs[style]).map((model) => generate(model, prompts, options)),
    );
    expect(actual).toEqual(expected);
  });
});

describe('working memory of a training step', () => {
  it('falls to what enters each block, the inside of one, and gradients', async () => {
    const [layers, time] = [8, 48];
    const arenas: number[] = [];
    for (const model of bothWays({ ...smallConfigs.gpt2, layers, width: 32, heads: 4, maxPositions: time })) {
      const parameters = [...model.parameters().values()];
      const step = gpu.device.compile(({ tokens }: { tokens: Tensor }) => {
        const loss = linearCrossEntropy(hiddenStates(model, tokens), model.unembedding, tokens.flatten());
        loss.backward();
        for (const each of parameters) {
          each.assign(each.sub((each.grad as Tensor).mul(0.01)));
          each.grad = undefined;
        }
        return { loss };
      });
      const data = someTokens(time, model.config.vocabularySize);
      arenas.push((await step.profile({ tokens: { data, shape: [BATCH, time] } })).arenaBytes);
      step.dispose();
      model.dispose();
    }
    const [without, having] = arenas as [number, number];
    expect(having).toBeLessThan(without / 2);
  });
});
