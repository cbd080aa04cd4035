// Foretoken through its public packages, as built by `pnpm build`.
import { createRequire } from 'node:module';
import { causalMask, Transformer, transformerConfig } from '../../packages/models/dist/index.js';
import { AdamW, loadInto, takeGradients } from '../../packages/nn/dist/index.js';
import { crossEntropy, HostRandom, openDevice } from '../../packages/tensor/dist/index.js';
import { contest } from '../lib/contest.mjs';
import { ADAMW, NORM_EPS } from '../lib/problem.mjs';

const { version } = createRequire(import.meta.url)('../../packages/tensor/package.json');

function configOf({ layers, width, heads, vocab, context }) {
  return transformerConfig({
    vocabularySize: vocab,
    width,
    layers,
    heads,
    maxPositions: context,
    positions: 'learned',
    norm: 'layer',
    normEps: NORM_EPS,
    mlp: 'geluTanh',
    bias: true,
    tiedEmbeddings: false,
  });
}

async function open({ size, parameters, tokens, targets }) {
  const device = await openDevice();
  const model = new Transformer(device, configOf(size), new HostRandom(0));
  const variables = model.parameters();
  loadInto(
    'problem',
    variables,
    new Map([...parameters].map(([name, { data, shape }]) => [name, { data, shape, dtype: 'f32' }])),
  );
  const { learningRate, beta1, beta2, eps, weightDecay } = ADAMW;
  const optimizer = new AdamW(variables, { betas: [beta1, beta2], eps, weightDecay });
  const { batch, context, vocab } = size;
  const update = device.compile(
    (inputs) => {
      const positions = device.arange(context, 'i32').reshape([1, context]).expand([batch, context]);
      const mask = causalMask(device, context);
      const hidden = model.trunk({ tokens: inputs.tokens, positions, mask });
      const rows = model.logits(hidden).reshape([batch * context, vocab]);
      const loss = crossEntropy(rows, inputs.targets.reshape([batch * context]));
      loss.backward();
      optimizer.step(takeGradients(variables), {
        learningRate: inputs.learningRate,
        stepNumber: inputs.stepNumber,
      });
      return { loss };
    },
    { name: 'update' },
  );
  let stepNumber = 0;
  const step = async () => {
    stepNumber++;
    const inputs = {
      tokens,
      targets,
      learningRate: { data: Float32Array.of(learningRate), shape: [] },
      stepNumber: { data: Float32Array.of(stepNumber), shape: [] },
    };
    if (stepNumber === 1) await update.warmUp(inputs);
    const { loss } = update.run(inputs);
    const value = await loss.item();
    loss.dispose();
    return value;
  };
  return {
    step,
    report: () => ({ adapter: device.info.name, peakBytes: device.memory().peakBytes }),
  };
}

await contest({ name: 'Foretoken', version, backend: 'WebGPU' }, open);
