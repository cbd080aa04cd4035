import { Transformer } from '@foretoken/models';
import { type Device, HostRandom } from '@foretoken/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { input, Mutor, type ObjectiveSettings, trunkInputs } from '../src/index.js';
import { batchOf } from './support/batches.js';
import { make, smallConfigs } from './support/context.js';
import { useDevice } from './support/device.js';
import { evaluate, expectClose, gradients, inputsOf, toTensors, values } from './support/evaluate.js';
import { interleavedLoss } from './support/interleaved.js';
import { readSequence, rowOf, sees } from './support/rows.js';

const gpu = useDevice();

/** With their registers all have 11 places, so that the oracle runs the same kernels for each. */
const sequences = [
  { tokens: [1, 2, 3, 4, 5, 6, 7], prefix: 3 },
  { tokens: [8, 9, 10, 11, 2, 5], prefix: 1 },
  { tokens: [3, 1, 4, 1, 9, 2], prefix: 0 },
];

function createMutor(
  device: Device,
  settings: ObjectiveSettings,
  style: 'learned' | 'rotary' = 'learned',
): Mutor {
  const objective = make('mutor', settings, smallConfigs[style], device);
  if (!(objective instanceof Mutor)) throw new Error('mutor should make a Mutor.');
  return objective;
}

describe.each([
  ['learned', false],
  ['rotary', true],
] as const)(
  'interleaved with a dense mask, %s positions, bidirectional prefix %s',
  (style, bidirectionalPrefix) => {
    it('gives the same loss, logits and gradients', async () => {
      const model = new Transformer(gpu.device, smallConfigs[style], new HostRandom(1));
      const objective = createMutor(gpu.device, { maxOffset: 3, weight: 0.4, bidirectionalPrefix }, style);
      const batch = batchOf(sequences);
      const prepared = objective.prepare(batch, new HostRandom(3));
      // The offset that was drawn, from the first register, which stands offset - 1 places behind its token.
      const drawn = sequences.map((sequence, row) => ({
        ...sequence,
        offset: 1 + (rowOf(prepared, 'positions', row)[7] as number) - Math.max(sequence.prefix - 1, 0),
      }));
      expect(new Set(drawn.map(({ offset }) => offset)).size).toBeGreaterThan(1);
      const oracle = interleavedLoss(model, objective, drawn, bidirectionalPrefix);
      const actual = await evaluate(objective, model, batch);
      expect(actual.parts.nextToken).toBeCloseTo(await oracle.nextToken.item(), 5);
      expect(actual.parts.registers).toBeCloseTo(await oracle.registers.item(), 5);
      const loss = oracle.nextToken.mul(0.6).add(oracle.registers.mul(0.4));
      expectClose(actual.gradients, await gradients(loss, model, objective));

      const inputs = toTensors(gpu.device, prepared);
      const hidden = model.trunk(
        trunkInputs(inputs, objective.registers?.forward(input(inputs, 'registers'))),
      );
      const appended = await values({ logits: model.logits(hidden) });
      const classes = 12;
      const rows = sequences.map((_, row) => {
        const laidOut = readSequence(prepared, row);
        const inUse = laidOut
          .map((each, index) => ({ ...each, index }))
          .filter(({ segment }) => segment >= 0);
        return inUse
          .sort((a, b) => a.order - b.order || a.slot - b.slot)
          .flatMap(({ index }) => {
            const begin = (row * laidOut.length + index) * classes;
            return appended.logits?.slice(begin, begin + classes) ?? [];
          });
      });
      for (const [row, expected] of oracle.logits.entries()) {
        expectClose({ logits: rows[row] ?? [] }, await values({ logits: expected }));
      }
    });
  },
);

describe('registers', () => {
  const model = (): Transformer => new Transformer(gpu.device, smallConfigs.rotary, new HostRandom(1));

  it('are blind to each other: another vector for one changes its own output alone', async () => {
    const trained = model();
    const objective = createMutor(gpu.device, { registers: 'everywhere', maxOffset: 2 }, 'rotary');
    const inputs = inputsOf(objective, trained, batchOf([{ tokens: [1, 2, 3, 4, 5] }]));
    const hiddenOf = async (changed: number): Promise<number[][]> => {
      const vectors = new Float32Array(9 * 16);
      for (let register = 5; register < 9; register++)
        vectors.fill(register === changed ? -0.7 : 0.4, register * 16, register * 16 + 8);
      const hidden = await trained
        .trunk(trunkInputs(inputs, gpu.device.tensor(vectors, { shape: [1, 9, 16] })))
        .data();
      return Array.from({ length: 9 }, (_, row) => Array.from(hidden.slice(row * 16, row * 16 + 16)));
    };
    const before = await hiddenOf(-1);
    const after = await hiddenOf(6);
    const changed = before.flatMap((row, index) => (String(row) === String(after[index]) ? [] : [index]));
    expect(changed).toEqual([6]);
  });

  it('send gradients into every block, the tables and their own vector', async () => {
    const trained = model();
    const objective = createMutor(gpu.device, { maxOffset: 2 }, 'rotary');
    const { registers } = objective.loss(trained, inputsOf(objective, trained, batchOf(sequences))).parts;
    if (registers === undefined) throw new Error('MuToR has a part for its registers.');
    const found = await gradients(registers, trained, objective);
    expect(Object.keys(found)).toContain('registers.weight');
    for (const [name, gradient] of Object.entries(found)) {
      expect(
        gradient.some((value) => Math.abs(value) > 1e-5),
        name,
      ).toBe(true);
    }
  });

  it('without any target leave (1 - a) of the next-token loss, and no NaN', async () => {
    const trained = model();
    const batch = batchOf([{ tokens: [1, 2, 3, 4], prefix: 2 }]);
    const result = await evaluate(
      createMutor(gpu.device, { minOffset: 5, maxOffset: 6, weight: 0.25 }, 'rotary'),
      trained,
      batch,
    );
    const plain = await evaluate(make('ntp', {}, smallConfigs.rotary, gpu.device), trained, batch);
    expect(result.parts.registers).toBe(0);
    expect(result.loss).toBeCloseTo(0.75 * plain.loss, 5);
    const { 'registers.weight': own = [], ...shared } = result.gradients;
    expect(own).toEqual(Array(16).fill(0));
    expectClose(
      shared,
      Object.fromEntries(
        Object.entries(plain.gradients).map(([name, each]) => [name, each.map((value) => 0.75 * value)]),
      ),
    );
  });

  it('with a vector for each offset train the rows of the offsets drawn', async () => {
    const objective = createMutor(
      gpu.device,
      { minOffset: 2, maxOffset: 5, vectorPerOffset: true },
      'rotary',
    );
    const batch = batchOf(sequences.slice(0, 2));
    const rows = new Set(
      [0, 1].map((row) => rowOf(objective.prepare(batch, new HostRandom(3)), 'registers', row).at(7)),
    );
    const { gradients: found } = await evaluate(objective, model(), batch);
    const gradient = found['registers.weight'] ?? [];
    expect(gradient).toHaveLength(4 * 16);
    const scored = [0, 1, 2, 3].filter((row) =>
      gradient.slice(row * 16, row * 16 + 16).some((value) => value !== 0),
    );
    expect(scored.length).toBeGreaterThan(0);
    for (const row of scored) expect(rows).toContain(row);
  });

  it('begin like token embeddings, or with the spread asked for', async () => {
    const spread = async (settings: ObjectiveSettings): Promise<number> => {
      const table = createMutor(gpu.device, {
        minOffset: 1,
        maxOffset: 64,
        vectorPerOffset: true,
        ...settings,
      }).registers;
      const drawn = Array.from((await table?.weight.data()) ?? []);
      return Math.sqrt(drawn.reduce((sum, value) => sum + value * value, 0) / drawn.length);
    };
    // 1024 numbers: the standard deviation is known to 2.2 percent.
    expect(Math.abs((await spread({})) / 0.5 - 1)).toBeLessThan(0.1);
    expect(Math.abs((await spread({ initialStd: 0.02 })) / 0.02 - 1)).toBeLessThan(0.1);
  });
});

it('the mask on the GPU is the one that docs/contracts.md words', async () => {
  const drawn = fc.record({
    tokens: fc.constantFrom([1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5, 6]),
    prefix: fc.nat(3),
    split: fc.nat(6),
  });
  await fc.assert(
    fc.asyncProperty(fc.tuple(drawn, drawn), fc.boolean(), async (pair, bidirectionalPrefix) => {
      const batch = batchOf(
        pair.map(({ tokens, prefix, split }) => {
          const prompt = Math.min(prefix, tokens.length);
          return {
            tokens,
            prefix: prompt,
            documents: tokens.map((_, at) => (at < Math.max(split, prompt) ? 0 : 1)),
          };
        }),
        6,
      );
      const settings = { bidirectionalPrefix, registers: 'everywhere', registerCount: 4 };
      const prepared = make('mutor', settings).prepare(batch, new HostRandom(3));
      const mask = trunkInputs(toTensors(gpu.device, prepared)).mask;
      const size = mask.shape[2] as number;
      expect(mask.shape).toEqual([2, 1, size, size]);
      const expected = [0, 1].flatMap((row) => {
        const laidOut = readSequence(prepared, row);
        return laidOut.flatMap((query) => laidOut.map((key) => Number(sees(query, key))));
      });
      expect(Array.from(await mask.data())).toEqual(expected);
    }),
    { numRuns: 25 },
  );
});
