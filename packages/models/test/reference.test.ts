import { AdamW, clipGradNorm, decayGroups, type HostTensor, takeGradients } from '@foretoken/nn';
import { crossEntropy, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  causalMask,
  gpt2Config,
  llamaConfig,
  type Transformer,
  type TransformerConfig,
} from '../src/index.js';
import { useDevice } from './support/device.js';
import { createModel } from './support/models.js';
import { loadReference, pick, relativeError, under } from './support/reference.js';

const gpu = useDevice();
const TOLERANCE = 1e-4;

const styles: [string, TransformerConfig][] = [
  ['gpt2', gpt2Config({ vocabularySize: 11, width: 16, layers: 2, heads: 2, mlpWidth: 32, maxPositions: 8 })],
  [
    'llama',
    llamaConfig({
      vocabularySize: 13,
      width: 16,
      layers: 2,
      heads: 4,
      keyValueHeads: 2,
      mlpWidth: 24,
      maxPositions: 8,
    }),
  ],
];

function load(config: TransformerConfig, reference: Map<string, HostTensor>): Transformer {
  const model = createModel(gpu.device, config);
  model.loadStateDict(under(reference, 'initial.'));
  return model;
}

const logitsOf = (model: Transformer, tokens: Tensor): Tensor => {
  const [batch, time] = tokens.shape as [number, number];
  const positions = gpu.device.arange(time, 'i32').reshape([1, time]).expand([batch, time]);
  return model.logits(model.trunk({ tokens, positions, mask: causalMask(gpu.device, time) }));
};

/** The mean cross-entropy of next tokens. @param tokens - i32 `[2, 7]` */
function losses(model: Transformer, tokens: Tensor): { logits: Tensor; loss: Tensor } {
  const logits = logitsOf(model, tokens.slice(1, 0, 6));
  return { logits, loss: crossEntropy(logits.reshape([12, -1]), tokens.slice(1, 1, 7).reshape([12])) };
}

/** The tokens of a step of the reference. */
const batchOf = (
  reference: Map<string, HostTensor>,
  step: number,
): { data: Int32Array; shape: number[] } => ({
  data: pick(reference, 'tokens').data.slice(step * 14, (step + 1) * 14) as Int32Array,
  shape: [2, 7],
});

describe.each(styles)('a whole %s-style model against PyTorch', (name, config) => {
  const reference = loadReference(name);

  it('gives the same logits and gradients', async () => {
    const model = load(config, reference);
    const { data, shape } = batchOf(reference, 0);
    const { logits, loss } = losses(model, gpu.device.tensor(data, { shape }));
    expect(relativeError(await logits.data(), pick(reference, 'logits').data)).toBeLessThan(TOLERANCE);
    loss.backward();
    const gradients = takeGradients(model.parameters());
    expect([...gradients.keys()]).toEqual([...under(reference, 'gradient.').keys()]);
    for (const [key, gradient] of gradients) {
      expect(relativeError(await gradient.data(), pick(reference, `gradient.${key}`).data), key).toBeLessThan(
        TOLERANCE,
      );
    }
  });

  it('takes the same ten AdamW steps', async () => {
    const model = load(config, reference);
    const parameters = model.parameters();
    const optimizer = new AdamW(decayGroups(parameters, 0.1), { betas: [0.9, 0.99], eps: 1e-6 });
    const step = gpu.device.compile(
      (inputs: { tokens: Tensor; learningRate: Tensor; stepNumber: Tensor }) => {
        const { loss } = losses(model, inputs.tokens);
        loss.backward();
        const { gradients } = clipGradNorm(takeGradients(parameters), 1);
        optimizer.step(gradients, inputs);
        return { loss };
      },
    );
    const seen: number[] = [];
    for (let index = 0; index < 10; index++) {
      const { loss } = step.run({
        tokens: batchOf(reference, index),
        learningRate: { data: Float32Array.of(1e-3), shape: [] },
        stepNumber: { data: Float32Array.of(index + 1), shape: [] },
      });
      seen.push(await loss.item());
    }
    expect(relativeError(seen, pick(reference, 'losses').data)).toBeLessThan(1e-5);
    for (const [key, { data }] of await model.stateDict()) {
      expect(relativeError(data, pick(reference, `final.${key}`).data), key).toBeLessThan(TOLERANCE);
    }
  });
});
