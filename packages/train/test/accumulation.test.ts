import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Device, openDevice } from '@foretoken/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  findRecipe,
  overrideRecipe,
  type Recipe,
  RunFolder,
  Session,
  type TrainEvent,
  train,
} from '../src/index.js';

let device: Device;
let scratch = '';
beforeAll(async () => {
  device = await openDevice();
  scratch = mkdtempSync(join(tmpdir(), 'foretoken-accumulation-'));
});
afterAll(() => {
  device.close();
  rmSync(scratch, { recursive: true });
});

const withParts = (accumulate: number, ...others: string[]): Recipe =>
  overrideRecipe(findRecipe('star-graph'), [
    `optimizer.accumulate=${accumulate}`,
    'optimizer.warmupSteps=0',
    'steps=8',
    'batch=8',
    'logEvery=2',
    'evaluation.every=4',
    'evaluation.questions=8',
    'evaluation.finalQuestions=8',
    'model.width=16',
    'model.layers=2',
    ...others,
  ]);

/** Figures of the first updates, and the parameters behind them. */
async function firstUpdates(recipe: Recipe, objective: string, count: number) {
  const session = await Session.create(device, recipe, objective, 3);
  const figures: number[][] = [];
  for (let step = 0; step < count; step++) {
    const { loss, gradientNorm, parts } = session.readFigures(await session.update(step).figures.data());
    figures.push([loss, gradientNorm, ...Object.values(parts)]);
  }
  const parameters = await session.save();
  const result = { figures, partNames: session.partNames, cost: session.cost(), parameters };
  session.dispose();
  return result;
}

const lossesOf = ({ figures }: Awaited<ReturnType<typeof firstUpdates>>) => {
  const [loss, , nextToken, registers] = figures[0] as [number, number, number, number];
  return { loss, nextToken, registers };
};

describe('gradient accumulation', () => {
  it.each(['ntp', 'mtp', 'teacherless', 'mutor'])(
    '%s takes the same updates from a batch in four parts as from the whole',
    async (objective) => {
      const whole = await firstUpdates(withParts(1), objective, 3);
      const split = await firstUpdates(withParts(4), objective, 3);
      expect(split.partNames).toEqual(whole.partNames);
      expect(split.cost).toEqual(whole.cost);
      whole.figures.flat().forEach((figure, at) => {
        expect(Math.abs((split.figures.flat()[at] as number) / figure - 1)).toBeLessThan(1e-4);
      });
      expect([...split.parameters.keys()]).toEqual([...whole.parameters.keys()]);
      const { learningRate } = withParts(1).optimizer;
      for (const [name, { data }] of whole.parameters) {
        const other = split.parameters.get(name)?.data ?? [];
        data.forEach((value, at) => {
          expect(Math.abs(value - (other[at] as number)), name).toBeLessThan(0.05 * learningRate);
        });
      }
    },
  );

  it("takes the mean of the micro-batches' means where that is asked for", async () => {
    // Registers of the sequences have drawn other offsets, and so have other numbers of targets.
    const [whole, means] = [
      await firstUpdates(withParts(1), 'mutor', 1),
      await firstUpdates(withParts(4, 'optimizer.lossAverage=microBatches'), 'mutor', 1),
    ];
    const { loss } = lossesOf(whole);
    expect(Math.abs(lossesOf(means).loss / loss - 1)).toBeGreaterThan(1e-5);
    // The next tokens of all sequences are equally many.
    expect(lossesOf(means).nextToken).toBeCloseTo(lossesOf(whole).nextToken, 5);
    expect(Math.abs(lossesOf(means).registers / lossesOf(whole).registers - 1)).toBeGreaterThan(1e-4);
  });

  it('draws other dropout in each part, and the same in each run', async () => {
    const recipe = withParts(2, 'model.dropout=0.3');
    const [first, second] = [await firstUpdates(recipe, 'ntp', 2), await firstUpdates(recipe, 'ntp', 2)];
    expect(second).toEqual(first);
    expect(first.figures).not.toEqual((await firstUpdates(withParts(2), 'ntp', 2)).figures);
  });

  it('composes with activation checkpointing', async () => {
    const plain = await firstUpdates(withParts(2, 'model.dropout=0.1'), 'mutor', 2);
    const recipe = withParts(2, 'model.dropout=0.1', 'model.activationCheckpointing=blocks');
    const { figures } = await firstUpdates(recipe, 'mutor', 2);
    plain.figures.flat().forEach((figure, at) => {
      expect(Math.abs((figures.flat()[at] as number) / figure - 1)).toBeLessThan(1e-4);
    });
  });

  it('goes on after interruptions and ends with the same bits', async () => {
    const recipe = withParts(2, 'model.dropout=0.1');
    const events = (name: string): AsyncGenerator<TrainEvent> =>
      train({ device, recipe, objective: 'mutor', seed: 0, folder: join(scratch, name) });
    const outcome = (name: string): unknown => {
      const folder = new RunFolder(join(scratch, name));
      const losses = folder.events().map(({ step, loss, scores, flops }) => ({ step, loss, scores, flops }));
      return { losses, tensors: [...(folder.load()?.tensors ?? [])] };
    };
    const whole: TrainEvent[] = [];
    for await (const event of events('whole')) if (event.type !== 'phase') whole.push(event);
    for (const stopAfter of [2, 3, 1]) {
      let seen = 0;
      for await (const { type } of events('pieces')) if (type !== 'phase' && ++seen > stopAfter) break;
    }
    for await (const _ of events('pieces'));
    expect(outcome('pieces')).toEqual(outcome('whole'));
    // Counted in updates, not in parts.
    expect(whole.at(-1)).toMatchObject({ type: 'done', summary: { steps: 8 } });
    const [start] = whole;
    const unsplit = await Session.create(device, withParts(1), 'mutor', 0);
    expect(start).toMatchObject({ tokensPerStep: unsplit.cost().tokens, flopsPerStep: unsplit.cost().flops });
    unsplit.dispose();
  });

  it.each([1, 2])('in %i parts it frees all of its memory', async (accumulate) => {
    const before = device.memory().liveBuffers;
    const session = await Session.create(device, withParts(accumulate), 'mtp', 0);
    const { figures } = session.update(0);
    await figures.data();
    session.dispose();
    expect(device.memory().liveBuffers).toBe(before);
  });

  it('refuses a batch that does not divide', () => {
    expect(() => withParts(3)).toThrow('batch (8) must be a multiple of optimizer.accumulate (3)');
  });
});
