import { generate, SpeculativeGenerator, Transformer } from '@foretoken/models';
import { HostRandom } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { createObjective, type LossInputs, type ObjectiveSettings } from '../src/index.js';
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

  it.each(cases)('%s %j guesses as it was trained to', async (name, settings, draftCount) => {
    // The target of a place is the guess for it, so the loss is that of the likeliest token where guesses agree.
    const model = new Transformer(gpu.device, modelConfig, new HostRandom(2));
    const context = { device: gpu.device, modelConfig, random: new HostRandom(3) };
    const objective = createObjective(name, { ...settings, lossOn: 'all' }, context);
    const guesses = await firstGuesses(model, objective.drafter?.(draftCount));
    for (let offset = 2; offset <= draftCount + 1; offset++) {
      const fixed = name === 'mutor' ? { minOffset: offset, maxOffset: offset } : { heads: offset };
      const alone = createObjective(name, { ...settings, ...fixed, lossOn: 'all' }, context);
      for (const [variable, values] of await parametersOf(objective, alone, offset)) variable.load(values);
      const losses: number[] = [];
      for (let id = 0; id < modelConfig.vocabularySize; id++) {
        // Only the place that the guess is for is scored, with one candidate after the other.
        const tokens = [...PROMPT, ...new Array<number>(offset).fill(0)];
        const targets = tokens.map((_, at) => (at === PROMPT.length + offset - 1 ? id : -1));
        const batch = batchOf([{ tokens, targets, prefix: PROMPT.length }]);
        const step = gpu.device.compile((inputs: LossInputs) => alone.loss(model, inputs).parts);
        const parts = step.run(alone.prepare(batch, new HostRandom(1)));
        const part = parts[name === 'mutor' ? 'registers' : `head${offset}`];
        losses.push((await part?.item()) as number);
        step.dispose();
      }
      expect(losses.indexOf(Math.min(...losses))).toBe(guesses[offset - 2]);
    }
    model.dispose();
  });
});

it('refuses offsets that were not trained', () => {
  const context = { device: gpu.device, modelConfig: smallConfigs.learned, random: new HostRandom(3) };
  const create = (name: string, settings: ObjectiveSettings) => createObjective(name, settings, context);
  expect(() => create('mutor', { maxOffset: 3 }).drafter?.(3)).toThrow('offsets 2 to 4; trained were 1 to 3');
  expect(() => create('mutor', { maxOffset: 3, weight: 0 }).drafter?.()).toThrow('trained were none');
  expect(() => create('mtp', { heads: 2 }).drafter?.(2)).toThrow('there are 1');
  expect(create('ntp', {}).drafter).toBeUndefined();
});
