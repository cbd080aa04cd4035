import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HostTensor, readSafetensors, takeGradients } from '@foretoken/nn';
import { linearCrossEntropy, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { causalMask, generate, type LoadProgress, parameterCount, type Transformer } from '../src/index.js';
import { loadPretrained, savePretrained } from '../src/node/index.js';
import { useDevice } from './support/device.js';
import { fixtureFolder, readJson, useFolders } from './support/folders.js';
import { pick, relativeError } from './support/reference.js';

const gpu = useDevice();
const newFolder = useFolders();

const checkpoints = [
  ...['llama3', 'llama-linear', 'mistral', 'qwen2', 'gemma', 'gemma2', 'gpt2'],
  ...['llama-f16', 'mistral-bf16', 'qwen2-f16', 'gemma-bf16', 'gemma2-f16', 'gpt2-bf16'],
];

const referenceOf = (name: string): Map<string, HostTensor> =>
  readSafetensors(new Uint8Array(readFileSync(join(fixtureFolder(name), 'reference.safetensors')))).tensors;

/** Hidden states `[B, T, D]` of a causal pass. */
function hiddenStates(model: Transformer, tokens: Tensor): Tensor {
  const [batch, time] = tokens.shape as [number, number];
  const positions = gpu.device.arange(time, 'i32').reshape([1, time]).expand([batch, time]);
  return model.trunk({ tokens, positions, mask: causalMask(gpu.device, time) });
}

describe('loadPretrained', () => {
  it.each(['llama-f16', 'gpt2', 'qwen2'])('%s tells how far it is, up to all bytes', async (name) => {
    const seen: LoadProgress[] = [];
    const { model } = await loadPretrained(gpu.device, fixtureFolder(name), {
      onProgress: (progress) => seen.push(progress),
    });
    const bytes = name === 'llama-f16' ? 2 : 4;
    const last = seen.at(-1);
    expect(last?.loadedBytes).toBe(last?.totalBytes);
    expect(last?.totalBytes).toBe(bytes * parameterCount(model.config));
    expect(seen.map(({ loadedBytes }) => loadedBytes)).toEqual(
      seen.map(({ loadedBytes }) => loadedBytes).sort((a, b) => a - b),
    );
    expect(seen[0]?.tensor).toMatch(/wte|embed_tokens/);
    model.dispose();
  });

  it('takes settings of training, and fewer positions, which saving does not lose', async () => {
    const folder = newFolder();
    const { model, config, origin } = await loadPretrained(gpu.device, fixtureFolder('llama3'), {
      training: { dropout: 0.1, activationCheckpointing: 'blocks' },
      maxPositions: 8,
    });
    expect(config).toMatchObject({ dropout: 0.1, activationCheckpointing: 'blocks', maxPositions: 8 });
    await savePretrained(model, folder, { origin });
    expect(readJson(join(folder, 'config.json'))['max_position_embeddings']).toBe(32);
    model.dispose();
  });

  it('refuses more positions than there are, and fewer learned ones', async () => {
    const load = (name: string, maxPositions: number) =>
      loadPretrained(gpu.device, fixtureFolder(name), { maxPositions });
    await expect(load('llama3', 64)).rejects.toThrow('maxPositions 64 exceeds the 32 of the model.');
    await expect(load('gpt2', 8)).rejects.toThrow('only rotary positions can be fewer, these are learned.');
  });
});

describe.each(checkpoints)('%s, made by PyTorch', (name) => {
  const reference = referenceOf(name);
  const { data, shape } = pick(reference, 'tokens');

  it('has the logits and the loss that PyTorch gives it, and the gradient of the embeddings', async () => {
    const { model, config } = await loadPretrained(gpu.device, fixtureFolder(name));
    expect(model.parameterCount()).toBe(parameterCount(config));
    const hidden = hiddenStates(model, gpu.device.tensor(data, { shape }));
    const logits = await model.logits(hidden).data();
    expect(relativeError(logits, pick(reference, 'logits').data)).toBeLessThan(2e-6);
    const time = shape[1] as number;
    const rows = hidden.slice(1, 0, time - 1).reshape([-1, config.width]);
    const targets = gpu.device.tensor(data, { shape }).slice(1, 1, time).flatten();
    // In chunks, which join what the cap did to each.
    const loss = linearCrossEntropy(rows, model.unembedding, targets, {
      softCap: config.logitSoftCap,
      chunkSize: 8,
    });
    loss.backward();
    expect(await loss.item()).toBeCloseTo(pick(reference, 'loss').data[0] as number, 5);
    const gradient = takeGradients(model.parameters()).get('embeddings.0.weight');
    expect(
      relativeError((await gradient?.data()) ?? [], pick(reference, 'embeddingGradient').data),
    ).toBeLessThan(1e-5);
    model.dispose();
  });

  it('generates with a cache what it predicts without one', async () => {
    const { model } = await loadPretrained(gpu.device, fixtureFolder(name));
    const prompts = [Array.from(data.slice(0, 3)), Array.from(data.slice(12, 17))];
    const generated = await generate(model, prompts, { maxNewTokens: 8, greedy: true });
    for (const [row, prompt] of prompts.entries()) {
      const whole = [...prompt, ...(generated[row] ?? [])];
      const tokens = gpu.device.tensor(Int32Array.from(whole), { shape: [1, whole.length] });
      const predicted = await model.logits(hiddenStates(model, tokens)).argmax(-1).data();
      expect(generated[row]).toEqual(Array.from(predicted.slice(prompt.length - 1, -1)));
    }
    model.dispose();
  });
});
