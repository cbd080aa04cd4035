import { fileURLToPath } from 'node:url';
import { causalMask, type Drafter, generate, SpeculativeGenerator, Transformer } from '@foretoken/models';
import { loadPretrained } from '@foretoken/models/node';
import { concat, HostRandom, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  createObjective,
  type MultiToken,
  type Mutor,
  type ObjectiveSettings,
  trunkInputs,
} from '../src/index.js';
import { batchOf } from './support/batches.js';
import { smallConfigs } from './support/context.js';
import { useDevice } from './support/device.js';

const gpu = useDevice();
const PROMPT = [3, 1, 4, 1, 5, 9];

const cases: [string, ObjectiveSettings, number][] = [
  ['mutor', { maxOffset: 4 }, 3],
  ['mutor', { maxOffset: 3, vectorPerOffset: true }, 2],
  ['mtp', { heads: 3 }, 2],
];

describe.each(['learned', 'rotary'] as const)('drafts for a model with %s positions', (style) => {
  const modelConfig = smallConfigs[style];

  it.each(cases)('%s %j changes no greedy token', async (name, settings, draftCount) => {
    const model = new Transformer(gpu.device, modelConfig, new HostRandom(2));
    const context = { device: gpu.device, modelConfig, random: new HostRandom(3) };
    const drafter = createObjective(name, settings, context).drafter?.();
    expect(drafter?.draftCount).toBe(draftCount);
    if (drafter === undefined) return;
    const options = { maxNewTokens: 24, greedy: true };
    const [plain] = await generate(model, [PROMPT], options);
    const generator = new SpeculativeGenerator(model, drafter);
    expect(await generator.generate(PROMPT, options)).toEqual(plain);
    generator.dispose();
    model.dispose();
  });

  it.each(cases)('%s %j guesses as it was trained to', async (name, settings) => {
    const model = new Transformer(gpu.device, modelConfig, new HostRandom(2));
    const context = { device: gpu.device, modelConfig, random: new HostRandom(3) };
    const objective = createObjective(name, settings, context);
    const drafter = objective.drafter?.() as Drafter;
    const expected = await (name === 'mutor'
      ? registerGuesses(model, objective as Mutor, drafter.draftCount)
      : headGuesses(model, objective as MultiToken));
    for (let draft = 0; draft < drafter.draftCount; draft++) {
      // With the states of a draft in the place of the last token's, the first token that comes out is the draft.
      const swapped: Drafter = {
        ...drafter,
        propose: (pass) => {
          const states = drafter.propose(pass);
          return concat([states.slice(1, draft + 1, draft + 2), states.slice(1, 1)], 1);
        },
      };
      const generator = new SpeculativeGenerator(model, swapped);
      expect(await generator.generate(PROMPT, { maxNewTokens: 1, greedy: true })).toEqual([expected[draft]]);
      generator.dispose();
    }
    model.dispose();
  });
});

// Windows of 4 tokens in every other layer, capped scores, capped logits.
const GEMMA2 = new URL('../../models/test/fixtures/checkpoints/gemma2', import.meta.url);

it.each(cases)(
  '%s %j changes no greedy token of a Gemma 2 checkpoint, far beyond its window',
  async (name, settings) => {
    const { model } = await loadPretrained(gpu.device, fileURLToPath(GEMMA2));
    const { config: modelConfig } = model;
    expect(modelConfig).toMatchObject({ attentionSoftCap: 2, slidingWindow: { size: 4, layers: [0] } });
    const context = { device: gpu.device, modelConfig, random: new HostRandom(3) };
    const drafter = createObjective(name, settings, context).drafter?.() as Drafter;
    const generator = new SpeculativeGenerator(model, drafter);
    for (const prompt of [PROMPT, [7], [2, 11, 5, 18, 0, 13, 8, 8, 1, 17, 4]]) {
      const options = { maxNewTokens: modelConfig.maxPositions - prompt.length, greedy: true };
      const [plain] = await generate(model, [prompt], options);
      expect(await generator.generate(prompt, options)).toEqual(plain);
    }
    generator.dispose();
    model.dispose();
  },
);

const likeliest = async (model: Transformer, states: Tensor): Promise<number[]> =>
  Array.from(await model.logits(states).argmax(-1).reshape([-1]).data());

/** What the registers behind the last token of the prompt predict in a training batch, for offsets 2 and on. */
async function registerGuesses(model: Transformer, mutor: Mutor, count: number): Promise<number[]> {
  const time = PROMPT.length + count + 1;
  const tokens = [...PROMPT, ...new Array<number>(count + 1).fill(0)];
  const guesses: number[] = [];
  for (let seed = 0; guesses.filter((guess) => guess !== undefined).length < count; seed++) {
    const prepared = mutor.prepare(batchOf([{ tokens, prefix: PROMPT.length }]), new HostRandom(seed));
    const order = Array.from(prepared['order']?.data ?? []);
    const register = order.indexOf(PROMPT.length - 1, time);
    const offset = (prepared['positions']?.data[register] as number) - PROMPT.length + 2;
    if (offset < 2) continue;
    const inputs = Object.fromEntries(
      Object.entries(prepared).map(([key, { data, shape }]) => [key, gpu.device.tensor(data, { shape })]),
    );
    const vectors = mutor.registers?.forward(inputs['registers'] as Tensor);
    const hidden = model.trunk(trunkInputs(inputs, vectors));
    [guesses[offset - 2]] = (await likeliest(model, hidden.slice(1, register, register + 1))) as [number];
  }
  return guesses;
}

/** What the heads predict from the last token of the prompt, without a cache. */
function headGuesses(model: Transformer, { heads }: MultiToken): Promise<number[]> {
  const time = PROMPT.length;
  const inputs = {
    tokens: gpu.device.tensor(Int32Array.from(PROMPT), { shape: [1, time] }),
    positions: gpu.device.arange(time, 'i32').unsqueeze(0),
    mask: causalMask(gpu.device, time),
  };
  const states = model.residual(inputs);
  const last = heads.map((head) => head.forward(states, model.context(inputs)).slice(1, time - 1));
  return likeliest(model, model.finalNorm.forward(concat(last, 1)));
}

it('refuses offsets that were not trained', () => {
  const context = { device: gpu.device, modelConfig: smallConfigs.learned, random: new HostRandom(3) };
  const create = (name: string, settings: ObjectiveSettings) => createObjective(name, settings, context);
  expect(() => create('mutor', { maxOffset: 3 }).drafter?.(3)).toThrow(
    'offsets 2 to 4; trained were 1, 2, 3',
  );
  expect(() => create('mutor', { maxOffset: 3, weight: 0 }).drafter?.()).toThrow('trained were none');
  expect(() => create('mtp', { heads: 2 }).drafter?.(2)).toThrow('there are 1');
  expect(create('ntp', {}).drafter).toBeUndefined();
});
