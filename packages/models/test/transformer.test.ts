import { type Device, HostRandom, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { attentionOnlyConfig, causalMask, gpt2Config, Transformer, transformerConfig } from '../src/index.js';
import { useDevice } from './support/device.js';
import { causalLogits, createModel, smallConfigs, styles } from './support/models.js';
import { relativeError } from './support/reference.js';

const gpu = useDevice();
const TOKENS = [[1, 5, 2, 9, 3]];

const positionsOf = (device: Device, time: number): Tensor => device.arange(time, 'i32').reshape([1, time]);

const twoChannels = attentionOnlyConfig({
  vocabularySize: 7,
  channelVocabularySizes: [4],
  width: 16,
  layers: 2,
  maxPositions: 8,
});

/** Hidden states of a causal pass over tokens `[1, T, C]`. */
function trunkOf(model: Transformer, tokens: readonly (readonly number[])[]): Tensor {
  const time = tokens.length;
  return model.trunk({
    tokens: gpu.device.tensor(Int32Array.from(tokens.flat()), { shape: [1, time, tokens[0]?.length ?? 0] }),
    positions: positionsOf(gpu.device, time),
    mask: causalMask(gpu.device, time),
  });
}

describe.each(styles)('%s', (style) => {
  const config = smallConfigs[style];

  it('is causal: a token changes nothing before itself', async () => {
    const model = createModel(gpu.device, config);
    const changed = [[1, 5, 2, 7, 3]];
    const [before, after] = await Promise.all(
      [TOKENS, changed].map((tokens) => causalLogits(model, tokens).data()),
    );
    const width = config.vocabularySize;
    expect(after?.subarray(0, 3 * width)).toEqual(before?.subarray(0, 3 * width));
    expect(
      relativeError(after?.subarray(3 * width) ?? [], before?.subarray(3 * width) ?? []),
    ).toBeGreaterThan(1e-3);
  });

  it('takes the token vectors instead of the tokens, and their sum with others', async () => {
    const model = createModel(gpu.device, config);
    const ids = gpu.device.tensor(Int32Array.from(TOKENS[0] as number[]), { shape: [1, 5] });
    const vectors = (model.embeddings[0] as { forward(ids: Tensor): Tensor }).forward(ids);
    const shared = { positions: positionsOf(gpu.device, 5), mask: causalMask(gpu.device, 5) };
    const expected = await model.trunk({ tokens: ids, ...shared }).data();
    expect(
      relativeError(await model.trunk({ embeddings: vectors, ...shared }).data(), expected),
    ).toBeLessThan(1e-6);
    const nothing = gpu.device.full([1, 5], -1, 'i32');
    const both = model.trunk({ tokens: nothing, embeddings: vectors, ...shared });
    expect(relativeError(await both.data(), expected)).toBeLessThan(1e-6);
    expect(() => model.trunk(shared)).toThrow('give tokens, embeddings, or both');
  });

  it('starts from the same bits for the same seed', async () => {
    const states = await Promise.all(
      [1, 1, 2].map((seed) => createModel(gpu.device, config, seed).stateDict()),
    );
    expect(states[0]).toEqual(states[1]);
    expect(states[0]).not.toEqual(states[2]);
  });

  it('gives heads a block of their own, with the shape of the trunk', () => {
    const model = createModel(gpu.device, config);
    const head = model.block(new HostRandom(5));
    const shapes = (of: Map<string, { shape: readonly number[] }>): unknown[] =>
      [...of].map(([name, { shape }]) => [name, shape]);
    expect(shapes(head.parameters())).toEqual(shapes(model.blocks[0]?.parameters() ?? new Map()));
    expect([...model.parameters().values()]).not.toContain([...head.parameters().values()][0]);
  });

  it('frees all of its memory', () => {
    const before = gpu.device.memory().liveBuffers;
    createModel(gpu.device, config).dispose();
    expect(gpu.device.memory().liveBuffers).toBe(before);
  });
});

describe('channels', () => {
  it('add the vectors of their tables; -1 adds nothing', async () => {
    const model = new Transformer(gpu.device, twoChannels, new HostRandom(3));
    const [first, second] = model.embeddings;
    const vector = (table: typeof first, id: number): Tensor =>
      (table as NonNullable<typeof first>).forward(gpu.device.tensor(Int32Array.of(id), { shape: [1, 1] }));
    const embeddings = vector(first, 5).add(vector(second, 3));
    const byHand = model.trunk({
      embeddings,
      positions: positionsOf(gpu.device, 1),
      mask: causalMask(gpu.device, 1),
    });
    expect(relativeError(await trunkOf(model, [[5, 3]]).data(), await byHand.data())).toBeLessThan(1e-6);
    const one = await trunkOf(model, [[5], [2]]).data();
    expect(
      relativeError(
        await trunkOf(model, [
          [5, -1],
          [2, -1],
        ]).data(),
        one,
      ),
    ).toBeLessThan(1e-6);
  });

  it('beyond the tables are refused', () => {
    const model = new Transformer(gpu.device, twoChannels, new HostRandom(3));
    expect(() => trunkOf(model, [[1, 1, 1]])).toThrow('[B, T, C] with C up to 2, got [1, 1, 3]');
  });
});

describe('positions', () => {
  it('with rotary positions, only distances matter; with learned ones, places do', async () => {
    const shift = async (style: 'llama' | 'gpt2', by: number): Promise<ArrayLike<number>> => {
      const model = createModel(gpu.device, smallConfigs[style]);
      const hidden = model.trunk({
        tokens: gpu.device.tensor(Int32Array.from(TOKENS[0] as number[]), { shape: [1, 5] }),
        positions: positionsOf(gpu.device, 5).add(by),
        mask: causalMask(gpu.device, 5),
      });
      return hidden.data();
    };
    expect(relativeError(await shift('llama', 9), await shift('llama', 0))).toBeLessThan(1e-5);
    expect(relativeError(await shift('gpt2', 9), await shift('gpt2', 0))).toBeGreaterThan(1e-3);
  });

  it('sinusoidal positions and none are configs like others', async () => {
    for (const positions of ['sinusoidal', 'none'] as const) {
      const model = createModel(gpu.device, { ...smallConfigs.llama, positions });
      const first = (await causalLogits(model, [[4, 4, 4]]).data()) as Float32Array;
      const differs = relativeError(first.subarray(11, 22), first.subarray(0, 11)) > 1e-3;
      expect(differs).toBe(positions === 'sinusoidal');
    }
  });
});

describe('dropout', () => {
  it('acts only in passes with a key, and repeats for the same key', async () => {
    const config = gpt2Config({ ...smallConfigs.gpt2, dropout: 0.3 });
    const [model, plain] = [createModel(gpu.device, config), createModel(gpu.device, smallConfigs.gpt2)];
    const run = (of: Transformer, key?: number): Promise<ArrayLike<number>> =>
      of
        .trunk({
          tokens: gpu.device.tensor(Int32Array.from(TOKENS[0] as number[]), { shape: [1, 5] }),
          positions: positionsOf(gpu.device, 5),
          mask: causalMask(gpu.device, 5),
          dropoutKey: key === undefined ? undefined : gpu.device.tensor(Uint32Array.of(key, 1)),
        })
        .data();
    expect(await run(model)).toEqual(await run(plain));
    expect(await run(model, 1)).toEqual(await run(model, 1));
    expect(relativeError(await run(model, 1), await run(model))).toBeGreaterThan(0.01);
    expect(relativeError(await run(model, 2), await run(model, 1))).toBeGreaterThan(0.01);
  });

  it('drops what a block adds to the stream, and scales the rest', async () => {
    const model = createModel(gpu.device, transformerConfig({ ...smallConfigs.attentionOnly, dropout: 0.3 }));
    const [block] = model.blocks;
    const hidden = gpu.device.ones([1, 2, 16]);
    const dropoutKey = gpu.device.tensor(Uint32Array.of(3, 1));
    const plain = (await block?.forward(hidden).sub(hidden).data()) as Float32Array;
    const dropped = (await block?.forward(hidden, { dropoutKey }).sub(hidden).data()) as Float32Array;
    const kept = [...dropped.entries()].filter(([, value]) => value !== 0);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(dropped.length);
    for (const [index, value] of kept) expect(value).toBeCloseTo((plain[index] as number) / 0.7, 4);
  });
});
