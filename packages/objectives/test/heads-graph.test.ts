import { Transformer } from '@foretoken/models';
import { crossEntropy, HostRandom, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { input, MultiToken, trunkInputs } from '../src/index.js';
import { batchOf } from './support/batches.js';
import { make, smallConfigs } from './support/context.js';
import { useDevice } from './support/device.js';
import { inputsOf, toTensors, values } from './support/evaluate.js';

const gpu = useDevice();
const config = smallConfigs.rotary;
const createModel = (): Transformer => new Transformer(gpu.device, config, new HostRandom(1));
const batch = batchOf([
  { tokens: [1, 2, 3, 4, 5, 6], prefix: 2 },
  { tokens: [7, 8, 9, 10], prefix: 1 },
]);

describe('multi-token heads', () => {
  const createHeads = (settings: object): MultiToken => {
    const objective = make('mtp', { ...settings }, config, gpu.device);
    if (!(objective instanceof MultiToken)) throw new Error('mtp should make a MultiToken.');
    return objective;
  };

  it('each have a block, and share the final norm and the output with the model', async () => {
    const model = createModel();
    const objective = createHeads({ heads: 3 });
    expect(objective.parameterCount()).toBe(2 * (16 * 3 * 16 + 16 * 16 + 16));
    const inputs = inputsOf(objective, model, batch);
    const trunk = trunkInputs(inputs);
    const hidden = model.residual(trunk);
    const head = (states: Tensor, number: number): Tensor => {
      const logits = model.logits(model.finalNorm.forward(states)).reshape([12, 12]);
      return crossEntropy(logits, input(inputs, `targets${number}`).reshape([12]));
    };
    const byHand: Record<string, Tensor> = { head1: head(hidden, 1) };
    objective.heads.forEach((block, index) => {
      byHand[`head${index + 2}`] = head(block.forward(hidden, model.context(trunk)), index + 2);
    });
    const { parts } = objective.loss(model, inputs);
    const [actual, expected] = [await values(parts), await values(byHand)];
    expect(Object.keys(actual)).toEqual(['head1', 'head2', 'head3']);
    for (const [name, [value]] of Object.entries(expected))
      expect(actual[name]?.[0]).toBeCloseTo(value as number, 5);
    expect(actual.head2?.[0]).not.toBeCloseTo(actual.head3?.[0] as number, 2);
  });

  it('are summed, or weighted (1 - a) to a', async () => {
    const model = createModel();
    const combined = async (settings: object): Promise<{ loss: number; parts: number[] }> => {
      const objective = createHeads({ heads: 3, ...settings });
      const { loss, parts } = objective.loss(model, inputsOf(objective, model, batch));
      const found = await values(parts);
      return {
        loss: await loss.item(),
        parts: [found.head1?.[0] ?? 0, found.head2?.[0] ?? 0, found.head3?.[0] ?? 0],
      };
    };
    const equal = await combined({});
    const [first = 0, second = 0, third = 0] = equal.parts;
    expect(equal.loss).toBeCloseTo(first + second + third, 4);
    const weighted = await combined({ weight: 0.1 });
    expect(weighted.parts).toEqual(equal.parts);
    expect(weighted.loss).toBeCloseTo(0.9 * first + 0.1 * ((second + third) / 2), 4);
  });
});

describe('teacherless', () => {
  it('never reads the answer', async () => {
    const model = createModel();
    const objective = make('teacherless', {}, config, gpu.device);
    const targets = [1, 2, 3, 4, 5, 6];
    const losses = await Promise.all(
      [targets, [1, 2, 9, 9, 9, 9], [1, 3, 3, 4, 5, 6]].map((tokens) =>
        objective
          .loss(model, inputsOf(objective, model, batchOf([{ tokens, prefix: 2, targets }])))
          .loss.item(),
      ),
    );
    expect(losses[1]).toBe(losses[0]);
    expect(losses[2]).not.toBe(losses[0]);
  });

  it('mixed is the weighted sum of next token and teacherless', async () => {
    const model = createModel();
    const create = (name: string, weight?: number) =>
      make(name, weight === undefined ? {} : { weight }, config, gpu.device);
    const lossOf = async (objective: ReturnType<typeof create>): Promise<number> =>
      objective.loss(model, inputsOf(objective, model, batch)).loss.item();
    const [plain, blank] = [await lossOf(create('ntp')), await lossOf(create('teacherless'))];
    expect(await lossOf(create('teacherless', 0.25))).toBeCloseTo(0.75 * plain + 0.25 * blank, 5);
  });

  it('answers prompts of different lengths in parallel, as it was trained', async () => {
    const model = createModel();
    const objective = make('teacherless', {}, config, gpu.device);
    const { decoding } = objective;
    if (decoding.kind !== 'parallel')
      throw new Error('Teacherless training alone should decode in parallel.');
    const prompts = batchOf([
      { tokens: [1, 2, 3], prefix: 3 },
      { tokens: [4], prefix: 1 },
      { tokens: [5, 6], prefix: 2 },
    ]);
    const inputs = toTensors(gpu.device, decoding.prepare(prompts, 4));
    const answer = decoding.predict(model, inputs);
    expect(answer.shape).toEqual([3, 4]);
    expect(answer.dtype).toBe('i32');

    // The same tokens from the layout of training, where the answer has four blanks.
    const training = batchOf([
      { tokens: [1, 2, 3, 0, 0, 0, 0], prefix: 3 },
      { tokens: [4, 0, 0, 0, 0], prefix: 1 },
      { tokens: [5, 6, 0, 0, 0, 0], prefix: 2 },
    ]);
    const blank = objective.parameters().get('blank.weight');
    if (blank === undefined) throw new Error('Teacherless has a blank vector.');
    const laidOut = inputsOf(objective, model, training);
    const blanks = input(laidOut, 'blanks')
      .eq(0)
      .unsqueeze(2)
      .cast('f32')
      .mul(blank.reshape([1, 1, 16]));
    const likeliest = await model
      .logits(model.trunk(trunkInputs(laidOut, blanks)))
      .argmax(-1)
      .data();
    const expected = [3, 1, 2].flatMap((prompt, row) =>
      Array.from(likeliest.slice(row * 7 + prompt - 1, row * 7 + prompt + 3)),
    );
    expect(Array.from(await answer.data())).toEqual(expected);
  });
});
