import type { Embedding } from '@foretoken/nn';
import { HostRandom, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  argmax,
  attentionOnlyConfig,
  causalMask,
  generate,
  prefixMask,
  streamTokens,
  TokenGenerator,
  Transformer,
} from '../src/index.js';
import { useDevice } from './support/device.js';
import { causalLogits, createModel, smallConfigs, styles } from './support/models.js';

const gpu = useDevice();
const PROMPTS = [[1, 2, 3, 4], [7], [9, 0, 5]];

/** All sequences of the slow way have this length, so that its kernels are compiled once. */
const TIME = 12;

/**
 * Greedy decoding without a cache: the whole sequence anew for every token. It is filled up behind, where
 * nothing that is read can see.
 */
async function generateSlowly(
  model: Transformer,
  prompt: readonly number[],
  count: number,
  logitsOf: (tokens: number[]) => Tensor = (tokens) => causalLogits(model, [tokens]),
): Promise<number[]> {
  const tokens = [...prompt];
  const width = model.config.vocabularySize;
  for (let step = 0; step < count; step++) {
    const filled = [...tokens, ...new Array<number>(TIME - tokens.length).fill(0)];
    const logits = (await logitsOf(filled).data()) as Float32Array;
    tokens.push(argmax(logits.subarray((tokens.length - 1) * width, tokens.length * width)));
  }
  return tokens.slice(prompt.length);
}

describe.each(styles)('greedy generation, %s', (style) => {
  it('with a cache, in a batch of different lengths, equals argmax without a cache, one by one', async () => {
    const model = createModel(gpu.device, smallConfigs[style]);
    const together = await generate(model, PROMPTS, { maxNewTokens: 8, greedy: true });
    for (const [row, prompt] of PROMPTS.entries()) {
      expect(together[row]).toEqual(await generateSlowly(model, prompt, 8));
    }
    // A model that repeats one token would make the comparison worthless.
    expect(new Set(together.flat()).size).toBeGreaterThan(2);
  });
});

describe('greedy generation', () => {
  it('gives the same tokens when prompts are filled up to few lengths', async () => {
    const model = createModel(gpu.device, smallConfigs.llama);
    const options = { maxNewTokens: 4, greedy: true };
    const plain = await generate(model, PROMPTS, options);
    for (const promptMultiple of [3, 5, 100]) {
      const generator = new TokenGenerator(model, { batch: 3, capacity: 9, promptMultiple });
      expect(await generator.generate(PROMPTS, options)).toEqual(plain);
      generator.dispose();
    }
  });

  it('sees the whole prompt where it is told to', async () => {
    const model = createModel(gpu.device, smallConfigs.llama);
    const prompt = [3, 1, 4, 1];
    const logitsOf = (tokens: number[]): Tensor => {
      const time = tokens.length;
      const hidden = model.trunk({
        tokens: gpu.device.tensor(Int32Array.from(tokens), { shape: [1, time] }),
        positions: gpu.device.arange(time, 'i32').reshape([1, time]),
        mask: prefixMask(gpu.device.tensor(Int32Array.of(prompt.length)), time),
      });
      return model.logits(hidden);
    };
    const options = { maxNewTokens: 8, greedy: true, bidirectionalPrefix: true };
    const whole = await generate(model, [prompt, [2]], options);
    const causal = await generate(model, [prompt], { ...options, bidirectionalPrefix: false });
    expect(whole[0]).toEqual(await generateSlowly(model, prompt, 8, logitsOf));
    expect(whole[0]).not.toEqual(causal[0]);
  });

  it('reads several channels, and writes the first', async () => {
    const config = attentionOnlyConfig({
      vocabularySize: 7,
      channelVocabularySizes: [4],
      width: 16,
      layers: 2,
      maxPositions: 12,
    });
    const model = new Transformer(gpu.device, config, new HostRandom(3));
    const [first, second] = [
      [5, 2, 6],
      [3, 1, -1],
    ];
    const logitsOf = (tokens: number[]): Tensor => {
      const pairs = tokens.flatMap((token, at) => [token, second[at] ?? -1]);
      return model.logits(
        model.trunk({
          tokens: gpu.device.tensor(Int32Array.from(pairs), { shape: [1, TIME, 2] }),
          positions: gpu.device.arange(TIME, 'i32').reshape([1, TIME]),
          mask: causalMask(gpu.device, TIME),
        }),
      );
    };
    const prompt = first.flatMap((token, at) => [token, second[at] as number]);
    const [tokens] = await generate(model, [prompt], { maxNewTokens: 4, greedy: true, channels: 2 });
    expect(tokens).toEqual(await generateSlowly(model, first, 4, logitsOf));
  });

  it('ends at a stop token, each prompt for itself', async () => {
    const model = createModel(gpu.device, smallConfigs.gpt2);
    const free = await generate(model, PROMPTS, { maxNewTokens: 8, greedy: true });
    const stop = free[0]?.[2] as number;
    const stopped = await generate(model, PROMPTS, { maxNewTokens: 8, greedy: true, stopTokens: [stop] });
    const expected = free.map((tokens) =>
      tokens.includes(stop) ? tokens.slice(0, tokens.indexOf(stop)) : tokens,
    );
    expect(stopped).toEqual(expected);
  });

  it('follows the parameters as they change, with the same compiled steps', async () => {
    const model = createModel(gpu.device, smallConfigs.llama, 1);
    const other = createModel(gpu.device, smallConfigs.llama, 2);
    const generator = new TokenGenerator(model, { batch: 2, capacity: 12 });
    const options = { maxNewTokens: 6, greedy: true };
    // Three prompts in a batch of two: the second group is filled up with an empty row.
    expect(await generator.generate(PROMPTS, options)).toEqual(await generate(model, PROMPTS, options));
    model.loadStateDict(await other.stateDict());
    expect(await generator.generate(PROMPTS, options)).toEqual(await generate(other, PROMPTS, options));
    generator.dispose();
  });

  it('streams what it generates, and frees its memory also when it is cut short', async () => {
    const model = createModel(gpu.device, smallConfigs.gpt2);
    const whole = await generate(model, PROMPTS, { maxNewTokens: 5, greedy: true });
    const before = gpu.device.memory().liveBuffers;
    let step = 0;
    for await (const generated of streamTokens(model, PROMPTS, { maxNewTokens: 5, greedy: true })) {
      expect(generated.step).toBe(step);
      expect([...generated.tokens]).toEqual(whole.map((tokens) => tokens[step]));
      if (++step === 3) break;
    }
    expect(step).toBe(3);
    expect(gpu.device.memory().liveBuffers).toBe(before);
  });
});

describe('sampled generation', () => {
  const options = { maxNewTokens: 6, temperature: 1.3, topK: 8, topP: 0.95, seed: 4 };

  it('depends on the seed, and on a prompt only through its own stream', async () => {
    const model = createModel(gpu.device, smallConfigs.llama);
    const first = await generate(model, PROMPTS, options);
    expect(await generate(model, PROMPTS, options)).toEqual(first);
    expect(await generate(model, PROMPTS, { ...options, seed: 5 })).not.toEqual(first);
    expect(await generate(model, PROMPTS.slice(0, 1), options)).toEqual(first.slice(0, 1));
  });

  it('is greedy at temperature 0 and with only one token to choose from', async () => {
    const model = createModel(gpu.device, smallConfigs.gpt2);
    const greedy = await generate(model, PROMPTS, { maxNewTokens: 6, greedy: true });
    expect(await generate(model, PROMPTS, { maxNewTokens: 6, temperature: 0 })).toEqual(greedy);
    expect(await generate(model, PROMPTS, { maxNewTokens: 6, topK: 1 })).toEqual(greedy);
  });
});

describe('a prompt beside others', () => {
  const long = Array.from({ length: 20 }, (_, at) => (at * 7) % 11);
  const beside = [long, [7], [9, 0, 5]];

  it.each(['llama', 'gemma2'] as const)('has the room that it has alone, %s', async (style) => {
    // Rows go round in the cache: the short ones write more tokens than there are slots behind the long prompt.
    const model = createModel(gpu.device, smallConfigs[style]);
    const options = { maxNewTokens: 22, greedy: true, whenFull: 'stop' } as const;
    const generator = new TokenGenerator(model, { batch: 3 });
    const together = await generator.generate(beside, options);
    expect(together.map(({ length }) => length)).toEqual([5, 22, 22]);
    for (const [row, prompt] of beside.entries())
      expect(await generator.generate([prompt], options)).toEqual([together[row]]);
    // A cache with room to spare shows that going round changes nothing.
    const alone = await generate(model, [[9, 0, 5]], { maxNewTokens: 22, greedy: true });
    expect(alone).toEqual([together[2]]);
    await expect(generator.generate(beside, { ...options, whenFull: 'refuse' })).rejects.toThrow(
      'a prompt of 20 tokens and 22 new ones exceed the capacity of 24',
    );
    generator.dispose();
    model.dispose();
  });

  it('draws from the stream of its index, however the prompts are split', async () => {
    const model = createModel(gpu.device, smallConfigs.gpt2);
    const options = { maxNewTokens: 9, temperature: 2, seed: 7 };
    const same = [[4], [4], [4], [4], [4]];
    const whole = await generate(model, same, options);
    expect(new Set(whole.map(String)).size).toBe(5);
    expect(await generate(model, same, { ...options, batch: 2 })).toEqual(whole);
    for (const [firstStream, prompt] of same.entries())
      expect(await generate(model, [prompt], { ...options, firstStream })).toEqual([whole[firstStream]]);
    model.dispose();
  });
});

describe('logits that are not finite', () => {
  it.each([
    ['greedy', { greedy: true }, /new token 0 of prompt 0 are not finite\. A weight/],
    ['sampled', { temperature: 1 }, /new token 0 of prompt 0 are not finite \(that of token \d+ is NaN\)/],
  ])('end %s generation', async (_, options, message) => {
    const model = createModel(gpu.device, smallConfigs.llama);
    const { weight } = model.finalNorm;
    weight.load(Float32Array.from({ length: weight.size }, (_, at) => (at === 3 ? Number.NaN : 1)));
    await expect(generate(model, [[1], [2]], { maxNewTokens: 3, ...options })).rejects.toThrow(message);
    model.dispose();
  });

  it('of one token that comes later are told with its step and prompt', async () => {
    const model = createModel(gpu.device, smallConfigs.llama);
    const starts = Array.from({ length: 11 }, (_, id) => [id]);
    const chosen = await generate(model, starts, { maxNewTokens: 1, greedy: true });
    const prompt = chosen.findIndex(([token], id) => token !== id);
    const { weight } = model.embeddings[0] as Embedding;
    const values = (await weight.data()) as Float32Array;
    values[(chosen[prompt]?.[0] as number) * 16] = Number.POSITIVE_INFINITY;
    weight.load(values);
    await expect(
      generate(model, [[prompt], [prompt]], { maxNewTokens: 9, greedy: true, firstStream: 4 }),
    ).rejects.toThrow('new token 1 of prompt 4 are not finite');
    model.dispose();
  });
});

describe('generation refuses', () => {
  const model = (): Transformer => createModel(gpu.device, smallConfigs.llama);

  it.each<[string, number[][], object, string]>([
    ['an empty prompt', [[]], {}, 'prompt 0 has 0 ids'],
    [
      'an id beyond the vocabulary',
      [[1], [2, 11]],
      {},
      'prompt 1 has id 11 at 1; expected -1 (nothing) to 10',
    ],
    ['more tokens than positions', [[1, 2]], { maxNewTokens: 30 }, 'capacity 31 exceeds maxPositions 24'],
    ['half a token', [[1]], { maxNewTokens: 0.5 }, 'maxNewTokens must be a whole number'],
    ['a negative temperature', [[1]], { temperature: -1 }, 'temperature must be 0 or more, got -1'],
    ['topK 0', [[1]], { topK: 0 }, 'topK must be a whole number of at least 1'],
    ['topP 0', [[1]], { topP: 0 }, 'topP must be above 0 and at most 1'],
    ['a seed that is no number', [[1]], { seed: Number.NaN }, 'seed must be a whole number, got NaN'],
    ['a stop token that is no id', [[1]], { stopTokens: [2, 0.5] }, 'stopTokens must be token ids, got 0.5'],
    ['a stream below 0', [[1]], { firstStream: -1 }, 'firstStream must be a whole number, got -1'],
  ])('%s', async (_, prompts, options, message) => {
    await expect(generate(model(), prompts, { maxNewTokens: 2, ...options })).rejects.toThrow(message);
  });

  it('a cache that no adapter holds, before it takes memory', async () => {
    const config = attentionOnlyConfig({
      vocabularySize: 5,
      width: 16,
      layers: 1,
      maxPositions: 8,
      positions: 'none',
    });
    const free = new Transformer(gpu.device, config);
    await expect(generate(free, [[1]], { maxNewTokens: 1e12, greedy: true })).rejects.toThrow(
      /KeyValueCache: a batch of 1 with a capacity of 1000000000000 tokens takes \d+ bytes/,
    );
  });

  it('more prompts than a stream has room for', async () => {
    const generator = new TokenGenerator(model(), { batch: 1 });
    const stream = generator.stream(PROMPTS, { maxNewTokens: 1 });
    await expect(stream.next()).rejects.toThrow('3 prompts exceed the batch of 1');
  });
});
