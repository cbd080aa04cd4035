import { ConfigError } from '@foretoken/nn';
import { HostRandom } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  argmax,
  type GenerateOptions,
  generate,
  imageGptConfig,
  TokenGenerator,
  Transformer,
} from '../src/index.js';
import { useDevice } from './support/device.js';
import { causalLogits, createModel, smallConfigs } from './support/models.js';

const gpu = useDevice();
const PROMPTS = [
  [1, 2, 3],
  [4, 0],
  [9, 9, 5],
];
const HIDDEN = [[7], [7], [6, 7]];
const COUNT = 6;

const guided = (scale: number, more: Partial<GenerateOptions> = {}): GenerateOptions => ({
  maxNewTokens: COUNT,
  greedy: true,
  guidance: { scale, prompts: HIDDEN },
  ...more,
});

describe('guidance', () => {
  const model = (): Transformer => createModel(gpu.device, smallConfigs.llama);

  it('chooses by unconditional + scale (conditional - unconditional), as without a cache', async () => {
    const trained = model();
    const width = trained.config.vocabularySize;
    const lastOf = async (tokens: number[]): Promise<Float32Array> =>
      ((await causalLogits(trained, [tokens]).data()) as Float32Array).slice(-width);
    const expected: number[][] = [];
    for (const [row, prompt] of PROMPTS.entries()) {
      const tokens: number[] = [];
      while (tokens.length < COUNT) {
        const conditional = await lastOf([...prompt, ...tokens]);
        const unconditional = await lastOf([...(HIDDEN[row] as number[]), ...tokens]);
        tokens.push(
          argmax(conditional.map((value, id) => -0.5 * (unconditional[id] as number) + 1.5 * value)),
        );
      }
      expected.push(tokens);
    }
    const found = await generate(trained, PROMPTS, guided(1.5));
    expect(found).toEqual(expected);
    expect(found).not.toEqual(await generate(trained, PROMPTS, guided(1)));
  });

  it('with scale 1 is none, with scale 0 forgets the prompts', async () => {
    const trained = model();
    const sampled = { greedy: false, temperature: 1, topK: 5, seed: 3 };
    const { guidance: _, ...plain } = guided(1, sampled);
    expect(await generate(trained, PROMPTS, guided(1, sampled))).toEqual(
      await generate(trained, PROMPTS, plain),
    );
    expect(await generate(trained, PROMPTS, guided(0, sampled))).toEqual(
      await generate(trained, HIDDEN, plain),
    );
  });

  it('draws the same whatever fits into a batch, each prompt otherwise', async () => {
    const trained = model();
    const same = Array.from({ length: 5 }, () => [1, 2, 3]);
    const options = {
      maxNewTokens: COUNT,
      seed: 4,
      guidance: { scale: 1.2, prompts: same.map(() => [7]) },
    };
    const together = await generate(trained, same, options);
    const generator = new TokenGenerator(trained, { batch: 4, capacity: 12 });
    expect(await generator.generate(same, options)).toEqual(together);
    expect(new Set(together.map(String)).size).toBeGreaterThan(3);
    generator.dispose();
  });

  it.each([
    [{ scale: -1, prompts: HIDDEN }, 'guidance.scale must be 0 or more, got -1'],
    [{ scale: 2, prompts: [[7]] }, 'guidance needs a prompt for each of the 3, got 1'],
  ])('refuses %j', async (guidance, message) => {
    await expect(generate(model(), PROMPTS, { maxNewTokens: 2, guidance })).rejects.toThrow(message);
  });

  it('refuses a batch of one', async () => {
    const generator = new TokenGenerator(model(), { batch: 1 });
    await expect(
      generator.generate([[1]], guided(2, { guidance: { scale: 2, prompts: [[7]] } })),
    ).rejects.toThrow(ConfigError);
  });
});

it('imageGptConfig is LlamaGen-B, and takes other sizes', () => {
  const config = imageGptConfig();
  expect(config).toMatchObject({
    mlpWidth: 2048,
    maxPositions: 257,
    tiedEmbeddings: false,
    keyValueHeads: 12,
  });
  // 111 million: two tables of codes, classes, and 12 blocks.
  const { width, mlpWidth, layers } = config;
  const parameters =
    2 * 16384 * width + 1001 * width + layers * (4 * width ** 2 + 3 * width * mlpWidth + 2 * width);
  expect(Math.round(parameters / 1e6)).toBe(111);
  expect(imageGptConfig({ width: 64, heads: 4 }).mlpWidth).toBe(192);
});

it('samples images of a class behind a class token in a channel of its own', async () => {
  const model = new Transformer(
    gpu.device,
    imageGptConfig({
      vocabularySize: 6,
      channelVocabularySizes: [4],
      width: 16,
      layers: 2,
      heads: 2,
      maxPositions: 7,
      grid: { height: 2, width: 3, before: 1 },
      initialization: { embedding: 1, output: 1 },
    }),
    new HostRandom(3),
  );
  const prompts = [0, 1, 2].map((label) => [-1, label]);
  const hidden = prompts.map(() => [-1, 3]);
  const options = { maxNewTokens: 6, channels: 2, seed: 1, guidance: { scale: 2, prompts: hidden } };
  const images = await generate(model, prompts, options);
  expect(images.map(({ length }) => length)).toEqual([6, 6, 6]);
  expect(images.flat().every((code) => code >= 0 && code < 6)).toBe(true);
});
