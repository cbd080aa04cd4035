import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HostTensor, readSafetensors, takeGradients } from '@foretoken/nn';
import { HostRandom, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  classifierParameterCount,
  ImageClassifier,
  type ImageClassifierConfigInput,
  vitConfig,
} from '../src/index.js';
import { loadPretrained, loadPretrainedClassifier, savePretrained } from '../src/node/index.js';
import { useDevice } from './support/device.js';
import { copyFixture, fixtureFolder, readJson, useFolders } from './support/folders.js';
import { pick, relativeError } from './support/reference.js';

const gpu = useDevice();
const newFolder = useFolders();

const read = (path: string): Map<string, HostTensor> =>
  readSafetensors(new Uint8Array(readFileSync(path))).tensors;

const inputOf = ({ data, shape }: HostTensor): Tensor => gpu.device.tensor(data, { shape });

/** Gradients of queries, keys and values one after the other, as the model has them. */
function gradientNamed(reference: ReadonlyMap<string, HostTensor>, names: readonly string[]): number[] {
  return names.flatMap((name) => Array.from(pick(reference, `gradient.${name}`).data));
}

describe.each(['vit', 'vit-wide', 'deit', 'deit-distilled'])('%s, made by PyTorch', (name) => {
  const reference = read(join(fixtureFolder(name), 'reference.safetensors'));

  it('has the logits, the loss and the gradients that PyTorch gives it', async () => {
    const { model, config } = await loadPretrainedClassifier(gpu.device, fixtureFolder(name));
    expect(model.parameterCount()).toBe(classifierParameterCount(config));
    const logits = model.forward(inputOf(pick(reference, 'pixels')));
    expect(relativeError(await logits.data(), pick(reference, 'logits').data)).toBeLessThan(5e-6);
    const loss = logits
      .logSoftmax(-1)
      .mul(inputOf(pick(reference, 'labels')))
      .sum(-1)
      .mean()
      .neg();
    expect(await loss.item()).toBeCloseTo(pick(reference, 'loss').data[0] as number, 5);
    loss.backward();
    const gradients = takeGradients(model.parameters());
    const prefix = name.startsWith('deit') ? 'deit.' : 'vit.';
    const attention = `${prefix}encoder.layer.0.attention.attention.`;
    const pairs: Readonly<Record<string, readonly string[]>> = {
      'patchEmbedding.weight': [`${prefix}embeddings.patch_embeddings.projection.weight`],
      'patchEmbedding.bias': [`${prefix}embeddings.patch_embeddings.projection.bias`],
      'trunk.positions.weight': [`${prefix}embeddings.position_embeddings`],
      'trunk.embeddings.0.weight': ['cls_token', 'distillation_token']
        .slice(0, prefix === 'vit.' ? 1 : 2)
        .map((token) => `${prefix}embeddings.${token}`),
      'trunk.blocks.0.attention.queryKeyValue.weight': ['query', 'key', 'value'].map(
        (part) => `${attention}${part}.weight`,
      ),
      'trunk.blocks.1.mlp.up.weight': [`${prefix}encoder.layer.1.intermediate.dense.weight`],
    };
    for (const [parameter, names] of Object.entries(pairs)) {
      const gradient = await (gradients.get(parameter) as Tensor).data();
      expect(relativeError(gradient, gradientNamed(reference, names)), parameter).toBeLessThan(2e-5);
    }
    model.dispose();
  });

  it('is saved as it was read', async () => {
    const folder = newFolder();
    const { model, origin } = await loadPretrainedClassifier(gpu.device, fixtureFolder(name));
    await savePretrained(model, folder, { origin });
    expect(readJson(join(folder, 'config.json'))).toEqual(readJson(join(fixtureFolder(name), 'config.json')));
    const [saved, before] = [
      read(join(folder, 'model.safetensors')),
      read(join(fixtureFolder(name), 'model.safetensors')),
    ];
    for (const [tensor, { data, shape }] of saved) {
      expect(shape, tensor).toEqual(pick(before, tensor).shape);
      expect(data, tensor).toEqual(pick(before, tensor).data);
    }
    const left = [...before.keys()].filter((tensor) => !saved.has(tensor));
    expect(left.every((tensor) => /mask_token|pooler/.test(tensor))).toBe(true);
    model.dispose();
  });

  it('takes a fresh head for other classes', async () => {
    const load = (random?: HostRandom) =>
      loadPretrainedClassifier(gpu.device, fixtureFolder(name), {
        classes: 3,
        ...(random === undefined ? {} : { random }),
      });
    const [fresh, empty] = [await load(new HostRandom(1)), await load()];
    const pixels = inputOf(pick(reference, 'pixels'));
    expect(fresh.model.forward(pixels).shape).toEqual([3, 3]);
    expect(await empty.model.head.weight.data()).toEqual(new Float32Array(3 * 16));
    expect((await fresh.model.head.weight.data()).some((value) => value !== 0)).toBe(true);
    expect(await fresh.model.features(pixels).data()).toEqual(await empty.model.features(pixels).data());
    for (const { model } of [fresh, empty]) model.dispose();
  });
});

/** A small classifier whose config is the one given, and its logits for the same images. */
async function logitsOf(model: ImageClassifier): Promise<Float32Array> {
  const { channels, height, width } = model.config.image;
  const size = 2 * channels * height * width;
  const pixels = Float32Array.from({ length: size }, (_, at) => Math.sin(at * 0.7));
  const shape = [2, channels, height, width];
  return (await model.forward(gpu.device.tensor(pixels, { shape })).data()) as Float32Array;
}

const small: ImageClassifierConfigInput = {
  image: { height: 8, width: 8, channels: 1 },
  patch: 4,
  classes: 4,
  trunk: { ...vitConfig({ width: 16, layers: 2, heads: 2 }) },
};

describe('a classifier that was made here', () => {
  it.each<[string, Partial<ImageClassifierConfigInput>, string]>([
    ['a plain one as ViT', {}, 'vit'],
    ['one with a distillation head as DeiT', { distillation: 'head' }, 'deit'],
    ['registers', { registers: 2 }, 'foretoken-image-classifier'],
    ['the mean of patches', { classToken: false, pooling: 'mean' }, 'foretoken-image-classifier'],
    [
      'rotary positions, RMS norm and SwiGLU',
      {
        trunk: vitConfig({
          width: 16,
          layers: 2,
          heads: 2,
          positions: 'rotary2d',
          norm: 'rms',
          mlp: 'swiglu',
          bias: false,
        }),
      },
      'foretoken-image-classifier',
    ],
  ])('is saved and loaded: %s', async (_, changes, modelType) => {
    const folder = newFolder();
    const model = new ImageClassifier(gpu.device, { ...small, ...changes }, new HostRandom(3));
    expect(model.parameterCount()).toBe(classifierParameterCount(model.config));
    await savePretrained(model, folder, { config: { extra: 1 }, files: { 'preprocessor_config.json': {} } });
    expect(readJson(join(folder, 'config.json'))).toMatchObject({ model_type: modelType, extra: 1 });
    expect(readJson(join(folder, 'preprocessor_config.json'))).toEqual({});
    const again = await loadPretrainedClassifier(gpu.device, folder);
    expect(await logitsOf(again.model)).toEqual(await logitsOf(model));
    model.dispose();
    again.model.dispose();
  });
});

describe('what is refused, in one line', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ patch_size: 5 }, 'images of 12 x 12 cannot be cut into patches of 5 x 5'],
    [{ patch_size: [4, 2] }, 'patch_size is [4,2]; supported is one number'],
    [{ hidden_act: 'quick_gelu' }, 'hidden_act is "quick_gelu"; supported is gelu'],
    [{ hidden_size: -1 }, 'hidden_size: '],
    [
      { model_type: 'swin' },
      'config.json has model_type "swin" and architectures ["ViTForImageClassification"]; known are vit (ViTForImageClassification), deit',
    ],
    [
      { num_hidden_layers: 1 },
      'the tensors do not fit ViTForImageClassification as config.json describes it. extra: vit.encoder.layer.1.',
    ],
    [{ image_size: 16 }, 'position_embeddings is [1, 10, 16], expected [1, 17, 16]'],
  ])('%j', async (fields, message) => {
    const folder = copyFixture('vit', newFolder(), fields);
    const failure = await loadPretrainedClassifier(gpu.device, folder).catch((error: Error) => error.message);
    expect(failure).toContain(message);
    expect(failure).not.toContain('\n');
  });

  it('a classifier where a language model is wanted', async () => {
    await expect(loadPretrained(gpu.device, fixtureFolder('vit'))).rejects.toThrow(
      'config.json has model_type "vit"',
    );
  });
});
