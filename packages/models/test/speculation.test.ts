import { concat, HostRandom, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { DecodingSteps } from '../src/decoding.js';
import {
  type Drafter,
  generate,
  SpeculativeGenerator,
  TokenGenerator,
  tokenProbabilities,
  verifyGreedy,
  verifySampled,
} from '../src/index.js';
import { SpeculativeSteps } from '../src/speculation/steps.js';
import { useDevice } from './support/device.js';
import { createModel, smallConfigs, styles } from './support/models.js';

const gpu = useDevice();
const PROMPT = [3, 1, 4, 1, 5];

/** Guesses with states that have nothing to do with the text: its drafts hold by chance only. */
function blindDrafter(draftCount: number): Drafter {
  return {
    name: 'blind',
    draftCount,
    cacheLayers: 0,
    addedPlaces: () => 0,
    propose: ({ places, wanted, residual }) => {
      const states = residual();
      const [, , width] = states.shape as [number, number, number];
      const last = states.slice(1, (places.shape[1] as number) - wanted);
      const random = places.device.tensor(
        Float32Array.from({ length: draftCount * width }, (_, at) => Math.sin(7 * at)),
        { shape: [1, draftCount, width] },
      );
      return concat([last, ...Array.from({ length: wanted }, () => random)], 1);
    },
  };
}

/** Guesses with places of its own, which see the last token as a register does, whatever they are worth. */
function placesDrafter(draftCount: number, width: number): Drafter {
  return {
    ...blindDrafter(draftCount),
    name: 'places',
    addedPlaces: (wanted) => wanted * draftCount,
    propose: ({ places, wanted, residual }) => {
      const time = places.shape[1] as number;
      const { device } = places;
      const followed: Tensor = places.slice(1, time - wanted).reshape([wanted, 1]);
      const ahead = device.arange(draftCount, 'i32').unsqueeze(0);
      const order = followed.add(ahead.mul(0)).reshape([1, wanted * draftCount]);
      return residual({
        embeddings: device.full([1, wanted * draftCount, width], 0.3),
        order,
        positions: followed.add(ahead.add(1)).reshape([1, wanted * draftCount]),
      }).slice(1, time - wanted);
    },
  };
}

describe('speculative decoding', () => {
  it.each(styles)('%s: gives the tokens of plain greedy decoding, whatever is drafted', async (style) => {
    const config = smallConfigs[style];
    for (let seed = 0; seed < 3; seed++) {
      const model = createModel(gpu.device, config, seed);
      const options = { maxNewTokens: 18, greedy: true };
      const [plain] = await generate(model, [PROMPT], options);
      for (const drafter of [blindDrafter(3), placesDrafter(2, config.width)]) {
        const generator = new SpeculativeGenerator(model, drafter);
        expect(await generator.generate(PROMPT, options)).toEqual(plain);
        // Again, over a cache full of what came before.
        expect(await generator.generate(PROMPT, options)).toEqual(plain);
        expect(generator.report.tokens).toBe(2 * (options.maxNewTokens - 1));
        generator.dispose();
      }
      model.dispose();
    }
  });

  it.each(styles)(
    '%s: a pass over several tokens gives the logits of passes over one, bit by bit',
    async (style) => {
      // Caches of very different sizes, and places in between that plain decoding does not have.
      const config = { ...smallConfigs[style], maxPositions: 600 };
      const { vocabularySize, width } = config;
      const model = createModel(gpu.device, config, 3);
      const text = Int32Array.from({ length: 70 }, (_, at) => (at * at + 3 * at) % vocabularySize);
      const options = { bidirectionalPrefix: false, greedy: false };
      const plain = new DecodingSteps(model, { ...options, batch: 1, channels: 1, capacity: text.length });
      const several = new SpeculativeSteps(model, placesDrafter(2, width), {
        ...options,
        capacity: config.maxPositions,
      });
      const row = (logits: Int32Array | Float32Array, at: number): number[] =>
        Array.from(logits.subarray(at * vocabularySize, (at + 1) * vocabularySize));
      const prompt = text.subarray(0, PROMPT.length);
      const expected = new Map([[PROMPT.length - 1, row(await plain.prefill(prompt, Int32Array.of(0)), 0)]]);
      for (let place = PROMPT.length; place < text.length; place++) {
        const token = text.subarray(place, place + 1);
        expected.set(place, row(await plain.append(token, Int32Array.of(0), place), 0));
      }
      expect(row(await several.prefill(prompt), 0)).toEqual(expected.get(PROMPT.length - 1));
      // Each pass begins within the one before, as where the last draft was wrong.
      for (let place = PROMPT.length; place + 3 <= text.length; place += 2) {
        const logits = await several.verify(text.slice(place, place + 3), place);
        for (const at of [0, 1, 2])
          expect(row(logits, at), `place ${place + at}`).toEqual(expected.get(place + at));
      }
      plain.dispose();
      several.dispose();
      model.dispose();
    },
  );

  it('ends before a stop token, and at the length asked for', async () => {
    const model = createModel(gpu.device, smallConfigs.llama, 2);
    const [plain = []] = await generate(model, [PROMPT], { maxNewTokens: 12, greedy: true });
    const generator = new SpeculativeGenerator(model, blindDrafter(3));
    for (const maxNewTokens of [0, 1, 2, 5]) {
      expect(await generator.generate(PROMPT, { maxNewTokens, greedy: true })).toEqual(
        plain.slice(0, maxNewTokens),
      );
    }
    const stop = plain[4] as number;
    expect(await generator.generate(PROMPT, { maxNewTokens: 12, greedy: true, stopTokens: [stop] })).toEqual(
      plain.slice(0, plain.indexOf(stop)),
    );
    generator.dispose();
    model.dispose();
  });

  it('ends where the room of a prompt ends, draws from the stream it is given, and refuses NaN', async () => {
    const model = createModel(gpu.device, smallConfigs.llama, 2);
    const generator = new SpeculativeGenerator(model, blindDrafter(2));
    const options = { maxNewTokens: 50, whenFull: 'stop', temperature: 2 } as const;
    const first = await generator.generate(PROMPT, { ...options, greedy: true });
    expect(first).toHaveLength(smallConfigs.llama.maxPositions - PROMPT.length + 1);
    const drawn = await generator.generate(PROMPT, { ...options, firstStream: 3 });
    expect(await generator.generate(PROMPT, { ...options, firstStream: 3 })).toEqual(drawn);
    expect(await generator.generate(PROMPT, { ...options, firstStream: 4 })).not.toEqual(drawn);
    model.finalNorm.weight.load(new Float32Array(16).fill(Number.NaN));
    for (const greedy of [true, false])
      await expect(generator.generate(PROMPT, { ...options, greedy })).rejects.toThrow(
        'new token 0 of prompt 0 are not finite',
      );
    generator.dispose();
    model.dispose();
  });

  it('frees all of its memory', async () => {
    const model = createModel(gpu.device, smallConfigs.gpt2);
    const before = gpu.device.memory().liveBuffers;
    const generator = new SpeculativeGenerator(model, blindDrafter(2));
    await generator.generate(PROMPT, { maxNewTokens: 4, temperature: 0.8 });
    generator.dispose();
    expect(gpu.device.memory().liveBuffers).toBe(before);
    model.dispose();
  });

  it('samples what plain sampling samples', { timeout: 300_000 }, async () => {
    const model = createModel(gpu.device, smallConfigs.gpt2, 4);
    const { vocabularySize, width } = smallConfigs.gpt2;
    const options = { maxNewTokens: 3, temperature: 0.9, topK: 6, topP: 0.95 };
    const runs = 400;
    const plain = new TokenGenerator(model, { batch: 100, capacity: 8 });
    const speculative = new SpeculativeGenerator(model, placesDrafter(2, width), { capacity: 8 });
    // The token two places behind the prompt: it comes from drafts, accepted or not.
    const [expected, observed] = [new Float64Array(vocabularySize), new Float64Array(vocabularySize)];
    const count = (counts: Float64Array, tokens: readonly number[]): void => {
      counts[tokens[1] as number] = (counts[tokens[1] as number] as number) + 1;
    };
    for (let seed = 0; seed < runs / 100; seed++) {
      const prompts = Array.from({ length: 100 }, () => PROMPT);
      for (const tokens of await plain.generate(prompts, { ...options, seed })) count(expected, tokens);
    }
    for (let seed = 0; seed < runs; seed++)
      count(observed, await speculative.generate(PROMPT, { ...options, seed: 1000 + seed }));
    expect(speculative.report.acceptanceRate).toBeGreaterThan(0);
    expect(chiSquaredOfTwo(expected, observed)).toBeLessThan(1);
    plain.dispose();
    speculative.dispose();
    model.dispose();
  });

  it('refuses what it cannot do', async () => {
    const model = createModel(gpu.device, smallConfigs.gpt2);
    expect(() => new SpeculativeGenerator(model, blindDrafter(1), { capacity: 25 })).toThrow(
      'capacity 25 exceeds maxPositions 24',
    );
    const generator = new SpeculativeGenerator(model, blindDrafter(1));
    const options = { maxNewTokens: 4, greedy: true };
    await expect(generator.generate([], options)).rejects.toThrow('the prompt has no ids');
    await expect(generator.generate([1, 11], options)).rejects.toThrow('id 11 at 1; expected 0 to 10');
    await expect(generator.generate(PROMPT, { ...options, maxNewTokens: 21 })).rejects.toThrow(
      'exceed the capacity of 24',
    );
    generator.dispose();
    model.dispose();
  });
});

/** Quantiles of chi-squared that are exceeded once in a thousand times, by degrees of freedom (R: qchisq(0.999, 1:10)). */
const RARE = [10.828, 13.816, 16.266, 18.467, 20.515, 22.458, 24.322, 26.124, 27.877, 29.588];

/** The statistic of a goodness-of-fit test as a share of what it exceeds once in a thousand times. */
function chiSquared(counts: Float64Array, probabilities: Float64Array): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let [statistic, categories] = [0, 0];
  probabilities.forEach((probability, id) => {
    if (probability === 0) {
      expect(counts[id]).toBe(0);
      return;
    }
    categories++;
    statistic += ((counts[id] as number) - total * probability) ** 2 / (total * probability);
  });
  return statistic / (RARE[categories - 2] as number);
}

/** The same for two samples of one size. */
function chiSquaredOfTwo(first: Float64Array, second: Float64Array): number {
  let [statistic, categories] = [0, 0];
  first.forEach((count, id) => {
    const both = count + (second[id] as number);
    if (both === 0) return;
    categories++;
    statistic += (count - (second[id] as number)) ** 2 / both;
  });
  return statistic / (RARE[Math.max(0, categories - 2)] as number);
}

describe('the rejection rule', () => {
  const random = (): HostRandom => new HostRandom(7);
  const logits = (seed: number): Float32Array =>
    Float32Array.from({ length: 6 }, (_, id) => 2 * Math.sin(seed + 3 * id));

  it.each([
    ['whole distributions', {}],
    ['temperature', { temperature: 0.5 }],
    ['top k', { topK: 3 }],
    ['top p', { topP: 0.7, temperature: 1.4 }],
  ])('gives tokens of the distribution of the model: %s', (_, options) => {
    const [target, next, proposal] = [1, 2, 1.7].map((seed) => tokenProbabilities(logits(seed), options)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const draws = random();
    const [first, second] = [new Float64Array(6), new Float64Array(6)];
    let accepted = 0;
    for (let run = 0; run < 20_000; run++) {
      const draft = drawFrom(proposal, draws);
      const verdict = verifySampled([draft], [target, next], [proposal], draws);
      const tokens = [...[draft].slice(0, verdict.accepted), verdict.next];
      first[tokens[0] as number] = (first[tokens[0] as number] as number) + 1;
      if (verdict.accepted === 0) continue;
      accepted++;
      second[tokens[1] as number] = (second[tokens[1] as number] as number) + 1;
    }
    expect(chiSquared(first, target)).toBeLessThan(1);
    expect(chiSquared(second, next)).toBeLessThan(1);
    // Accepted are as many as the two distributions have in common (arXiv 2211.17192, corollary 3.6).
    const common = target.reduce((sum, p, id) => sum + Math.min(p, proposal[id] as number), 0);
    expect(accepted / 20_000).toBeCloseTo(common, 1);
  });

  it('would notice a wrong distribution', () => {
    const [target, proposal] = [1, 5].map((seed) => tokenProbabilities(logits(seed), {})) as [
      Float64Array,
      Float64Array,
    ];
    const draws = random();
    const counts = new Float64Array(6);
    for (let run = 0; run < 20_000; run++) {
      const token = drawFrom(proposal, draws);
      counts[token] = (counts[token] as number) + 1;
    }
    expect(chiSquared(counts, target)).toBeGreaterThan(1);
  });

  it('keeps greedy drafts up to the first wrong one', () => {
    expect(verifyGreedy([4, 5, 6], [4, 5, 6, 7])).toEqual({ accepted: 3, next: 7 });
    expect(verifyGreedy([4, 9, 6], [4, 5, 6, 7])).toEqual({ accepted: 1, next: 5 });
    expect(verifyGreedy([], [3])).toEqual({ accepted: 0, next: 3 });
  });
});

/** By inversion, independently of the package. */
function drawFrom(probabilities: Float64Array, random: HostRandom): number {
  let left = random.uniform();
  const found = probabilities.findIndex((probability) => {
    left -= probability;
    return left < 0;
  });
  return found === -1 ? probabilities.length - 1 : found;
}
