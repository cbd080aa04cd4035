import { llamaConfig, Transformer, type TransformerConfig } from '@foretoken/models';
import { HostRandom } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { input, Mutor, trunkInputs } from '../src/index.js';
import { batchOf } from './support/batches.js';
import { make, smallConfigs } from './support/context.js';
import { useDevice } from './support/device.js';
import { evaluate, expectClose, gradients, inputsOf, values } from './support/evaluate.js';
import { interleavedLoss } from './support/interleaved.js';
import { rowOf } from './support/rows.js';

const gpu = useDevice();

/** A class token and an image of 2 by 3 tokens. */
const sequences = [
  { tokens: [0, 1, 2, 3, 4, 5, 6], prefix: 1 },
  { tokens: [1, 8, 9, 10, 11, 2, 5], prefix: 1 },
  { tokens: [0, 3, 1, 4, 1, 9, 2], prefix: 1 },
];
const settings = { offsets: 'grid', grid: { height: 2, width: 3 }, maxOffset: 3, weight: 0.4 };
const batch = batchOf(sequences);
const TIME = 7;

describe.each([
  ['learned', smallConfigs.learned],
  ['rotary', smallConfigs.rotary],
  [
    'rotary2d',
    llamaConfig({
      ...smallConfigs.rotary,
      mlp: 'swiglu',
      positions: 'rotary2d',
      grid: { ...settings.grid, before: 1 },
    }),
  ],
] as const satisfies readonly (readonly [string, TransformerConfig])[])(
  'MuToR-2D with %s positions',
  (_, config) => {
    const createModel = (): Transformer => new Transformer(gpu.device, config, new HostRandom(1));
    const createMutor = (changes = {}): Mutor => {
      const objective = make('mutor', { ...settings, ...changes }, config, gpu.device);
      if (!(objective instanceof Mutor)) throw new Error('mutor should make a Mutor.');
      return objective;
    };

    it('interleaved and appended layouts give the same losses and gradients', async () => {
      const model = createModel();
      const objective = createMutor();
      const prepared = objective.prepare(batch, new HostRandom(3));
      // The distance that was drawn, from the register behind the class token, which stands distance - 1 places further.
      const drawn = sequences.map((sequence, row) => ({
        ...sequence,
        offset: 1 + (rowOf(prepared, 'positions', row)[TIME] as number),
      }));
      expect(new Set(drawn.map(({ offset }) => offset)).size).toBeGreaterThan(1);
      const oracle = interleavedLoss(model, objective, drawn, false);
      const actual = await evaluate(objective, model, batch);
      expect(actual.parts.nextToken).toBeCloseTo(await oracle.nextToken.item(), 5);
      expect(actual.parts.registers).toBeCloseTo(await oracle.registers.item(), 5);
      const loss = oracle.nextToken.mul(0.6).add(oracle.registers.mul(0.4));
      expectClose(actual.gradients, await gradients(loss, model, objective));
    });

    it.each([{}, { registerCount: 2, registers: 'everywhere' }])(
      'registers (%j) change no token',
      async (changes) => {
        const model = createModel();
        const objective = createMutor(changes);
        const inputs = inputsOf(objective, model, batch);
        const withRegisters = model.trunk(
          trunkInputs(inputs, objective.registers?.forward(input(inputs, 'registers'))),
        );
        const plain = model.trunk(trunkInputs(inputsOf(make('ntp'), model, batch)));
        const { tokens = [], alone = [] } = await values({
          tokens: model.logits(withRegisters.slice(1, 0, TIME)),
          alone: model.logits(plain),
        });
        expectClose({ logits: tokens }, { logits: alone });
      },
    );

    it('another vector for one register changes its own output alone', async () => {
      const model = createModel();
      const inputs = inputsOf(createMutor(), model, batch);
      const places = 2 * TIME - 1;
      const hiddenOf = async (changed: number): Promise<string[]> => {
        const vectors = new Float32Array(3 * places * 16);
        for (let row = 0; row < 3; row++) {
          for (let place = TIME; place < places; place++) {
            const begin = (row * places + place) * 16;
            vectors.fill(place === changed ? -0.7 : 0.4, begin, begin + 8);
          }
        }
        const hidden = await model
          .trunk(trunkInputs(inputs, gpu.device.tensor(vectors, { shape: [3, places, 16] })))
          .data();
        return Array.from({ length: 3 * places }, (_, at) => String(hidden.slice(at * 16, at * 16 + 16)));
      };
      const before = await hiddenOf(-1);
      const after = await hiddenOf(TIME + 2);
      const changed = before.flatMap((row, at) => (row === after[at] ? [] : [at]));
      expect(changed).toEqual([0, 1, 2].map((row) => row * places + TIME + 2));
    });

    it('with weight 0 is next-token prediction to the last bit', async () => {
      const model = createModel();
      const expected = await evaluate(make('ntp', {}, config, gpu.device), model, batch);
      const actual = await evaluate(createMutor({ weight: 0 }), model, batch);
      expect(actual.loss).toBe(expected.loss);
      expect(actual.gradients).toEqual(expected.gradients);
    });

    it('masked targets count in no mean', async () => {
      const model = createModel();
      // On a grid of one column every offset to the right wraps; those straight down do not.
      const column = { grid: { height: 6, width: 1 }, maxOffset: 2, weight: 0.4 };
      const [kept, masked] = ['keep', 'mask'].map((wrappedTargets) =>
        createMutor({ ...column, wrappedTargets }).prepare(batch, new HostRandom(3)),
      );
      const scored = (prepared: typeof kept): number[] =>
        sequences.map(
          (_, row) => rowOf(prepared ?? {}, 'registerTargets', row).filter((target) => target >= 0).length,
        );
      const wrapped = scored(masked).map((count, row) => (scored(kept)[row] as number) - count);
      expect(wrapped.some((count) => count > 0)).toBe(true);
      const { parts } = await evaluate(createMutor({ ...column, wrappedTargets: 'mask' }), model, batch);
      expect(Number.isFinite(parts.registers)).toBe(true);
    });
  },
);
