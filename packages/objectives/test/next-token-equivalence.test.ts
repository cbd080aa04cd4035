import { Transformer } from '@foretoken/models';
import { HostRandom } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { input, trunkInputs } from '../src/index.js';
import { batchOf } from './support/batches.js';
import { make, smallConfigs } from './support/context.js';
import { useDevice } from './support/device.js';
import { evaluate, expectClose, gradients, inputsOf, values } from './support/evaluate.js';

const gpu = useDevice();

/** Prompts and answers of different lengths, some padding. */
const batch = batchOf([
  { tokens: [1, 2, 3, 4, 5, 6, 7], prefix: 3 },
  { tokens: [8, 9, 10, 11], prefix: 1 },
  { tokens: [3, 1, 4, 1, 5, 9], prefix: 2 },
]);

describe('the next-token loss within the objectives', () => {
  const config = smallConfigs.learned;
  const createModel = (): Transformer => new Transformer(gpu.device, config, new HostRandom(1));
  const create = (name: string, settings = {}) => make(name, settings, config, gpu.device);

  it.each([
    ['mutor', { weight: 0 }],
    ['mtp', { weight: 0 }],
    ['mtp', { heads: 1 }],
    ['mtp', { heads: 1, weight: 0.5 }],
    ['teacherless', { weight: 0 }],
  ])('%s with %j is next-token prediction to the last bit', async (name, settings) => {
    const model = createModel();
    const objective = create(name, settings);
    const expected = await evaluate(create('ntp'), model, batch);
    const actual = await evaluate(objective, model, batch);
    expect(actual.loss).toBe(expected.loss);
    expect(actual.gradients).toEqual(expected.gradients);
    expect(objective.parameters().size).toBe(0);
  });

  it.each([
    ['mutor', { weight: 0.3 }, 'nextToken'],
    ['mtp', { heads: 3 }, 'head1'],
    ['teacherless', { weight: 0.3 }, 'nextToken'],
  ])(
    'the next-token part of %s has the loss and gradients of next-token prediction',
    async (name, settings, part) => {
      const model = createModel();
      const objective = create(name, settings);
      const expected = await evaluate(create('ntp'), model, batch);
      const nextToken = objective.loss(model, inputsOf(objective, model, batch)).parts[part];
      if (nextToken === undefined) throw new Error(`${name} has no part ${part}.`);
      expect(await nextToken.item()).toBeCloseTo(expected.loss, 5);
      expectClose(await gradients(nextToken, model), expected.gradients);
    },
  );

  it.each([false, true])(
    'registers never change what tokens see (bidirectional prefix: %s)',
    async (bidirectionalPrefix) => {
      const model = createModel();
      const plain = create('ntp', { bidirectionalPrefix });
      const objective = create('mutor', { bidirectionalPrefix, registers: 'everywhere', maxOffset: 3 });
      const inputs = inputsOf(objective, model, batch);
      const registers = gpu.device
        .ones([3, 13, 16])
        .mul(input(inputs, 'registers').ge(0).unsqueeze(2).cast('f32'));
      const without = model.logits(model.trunk(trunkInputs(inputsOf(plain, model, batch))));
      const beside = model.logits(model.trunk(trunkInputs(inputs, registers)));
      expect(beside.shape).toEqual([3, 13, 12]);
      expectClose(await values({ logits: beside.slice(1, 0, 7) }), await values({ logits: without }));
    },
  );
});

it('a prompt read in both directions lets its first token see its last', async () => {
  const model = new Transformer(gpu.device, smallConfigs.learned, new HostRandom(1));
  const other = batchOf([{ tokens: [1, 2, 9, 4, 5], prefix: 3 }]);
  const same = batchOf([{ tokens: [1, 2, 3, 4, 5], prefix: 3 }]);
  for (const bidirectionalPrefix of [false, true]) {
    const objective = make('ntp', { bidirectionalPrefix }, smallConfigs.learned, gpu.device);
    const [a, b] = await Promise.all(
      [same, other].map((each) =>
        model
          .trunk(trunkInputs(inputsOf(objective, model, each)))
          .slice(1, 0, 1)
          .data(),
      ),
    );
    if (bidirectionalPrefix) expect(a).not.toEqual(b);
    else expect(a).toEqual(b);
  }
});

describe('batches', () => {
  const lossOf = async (
    name: string,
    settings: object,
    each: ReturnType<typeof batchOf>,
  ): Promise<number> => {
    const model = new Transformer(gpu.device, smallConfigs.rotary, new HostRandom(1));
    const objective = make(name, { ...settings }, smallConfigs.rotary, gpu.device);
    return objective.loss(model, inputsOf(objective, model, each)).loss.item();
  };
  const cases: [string, object][] = [
    ['ntp', {}],
    ['mtp', { heads: 1 }],
    ['teacherless', {}],
    ['mutor', { weight: 1, minOffset: 1, maxOffset: 1 }],
  ];

  it.each(cases)('%s: padding counts for nothing', async (name, settings) => {
    const sequence = { tokens: [1, 2, 3, 4, 5], prefix: 2 };
    const [tight, padded] = [
      await lossOf(name, settings, batchOf([sequence])),
      await lossOf(name, settings, batchOf([sequence], 9)),
    ];
    expect(padded).toBeCloseTo(tight, 5);
  });

  it.each(cases)('%s: the mean is over all targets of the batch', async (name, settings) => {
    const sequences = [
      { tokens: [1, 2, 3, 4, 5, 6], prefix: 2 },
      { tokens: [7, 8, 9], prefix: 1 },
    ];
    const [four = 0, two = 0] = [
      await lossOf(name, settings, batchOf(sequences.slice(0, 1))),
      await lossOf(name, settings, batchOf(sequences.slice(1))),
    ];
    expect(await lossOf(name, settings, batchOf(sequences))).toBeCloseTo((4 * four + 2 * two) / 6, 5);
  });

  it.each(cases.filter(([name]) => name !== 'teacherless'))(
    '%s: packed documents count as each alone',
    async (name, settings) => {
      const packed = batchOf([{ tokens: [1, 2, 3, 4, 5, 6, 7], documents: [0, 0, 0, 0, 1, 1, 1] }]);
      const alone = batchOf([{ tokens: [1, 2, 3, 4] }, { tokens: [5, 6, 7] }]);
      expect(await lossOf(name, settings, packed)).toBeCloseTo(await lossOf(name, settings, alone), 5);
    },
  );

  it.each(['ntp', 'mtp', 'teacherless', 'mutor'])(
    '%s: no target anywhere gives a loss of 0 and no NaN',
    async (name) => {
      const model = new Transformer(gpu.device, smallConfigs.rotary, new HostRandom(1));
      const objective = make(name, {}, smallConfigs.rotary, gpu.device);
      const result = await evaluate(objective, model, batchOf([{ tokens: [1, 2, 3], prefix: 3 }]));
      expect(result.loss).toBe(0);
      for (const gradient of Object.values(result.gradients))
        expect(gradient.every((value) => value === 0)).toBe(true);
    },
  );
});
