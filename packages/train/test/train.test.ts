import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Device, openDevice } from '@foretoken/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findRecipe, overrideRecipe, RunFolder, type TrainEvent, train } from '../src/index.js';

const recipe = overrideRecipe(findRecipe('star-graph'), [
  'steps=12',
  'batch=8',
  'logEvery=2',
  'evaluation.every=4',
  'evaluation.questions=16',
  'evaluation.finalQuestions=16',
  'model.width=16',
  'model.layers=2',
]);

let device: Device;
let scratch = '';
beforeAll(async () => {
  device = await openDevice();
  scratch = mkdtempSync(join(tmpdir(), 'foretoken-train-'));
});
afterAll(() => {
  device.close();
  rmSync(scratch, { recursive: true });
});

const path = (name: string): string => join(scratch, name);

async function collect(name: string, objective: string, seed = 0): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  for await (const event of train({ device, recipe, objective, seed, folder: path(name) }))
    events.push(event);
  return events;
}

/** What a run leaves, but for times. */
function outcome(name: string): unknown {
  const timeless = (event: Record<string, unknown>) => ({
    ...event,
    seconds: 0,
    tokensPerSecond: 0,
    peakBytes: 0,
  });
  const folder = new RunFolder(path(name));
  const { seconds, tokensPerSecond, ...summary } = folder.summary() ?? ({} as never);
  const checkpoint = folder.load();
  return { events: folder.events().map(timeless), summary, tensors: [...(checkpoint?.tensors ?? [])] };
}

describe('train', () => {
  it('logs, evaluates, saves and ends with a summary', async () => {
    const events = await collect('plain', 'ntp');
    expect(
      events.filter(({ type }) => type === 'metrics').map((event) => 'step' in event && event.step),
    ).toEqual([2, 4, 6, 8, 10, 12]);
    expect(events.filter(({ type }) => type === 'evaluation')).toHaveLength(3);
    expect(events.at(-1)).toMatchObject({
      type: 'done',
      summary: { objective: 'ntp', steps: 12, chance: 0.5, modelStep: 12, model: null },
    });
    expect(readdirSync(path('plain')).sort()).toEqual([
      'checkpoints',
      'config.json',
      'kernels.json',
      'last-checkpoint.json',
      'metrics.jsonl',
      'summary.json',
    ]);
    expect(JSON.parse(readFileSync(join(path('plain'), 'config.json'), 'utf8'))).toMatchObject({
      objective: 'ntp',
      seed: 0,
      recipe: { steps: 12 },
    });
  });

  it('gives a finished run again without training', async () => {
    expect((await collect('plain', 'ntp')).map(({ type }) => type)).toEqual(['done']);
  });

  it('gives the same bits twice, and others for another seed', async () => {
    await collect('again', 'ntp');
    await collect('other', 'ntp', 1);
    expect(outcome('again')).toEqual(outcome('plain'));
    expect(outcome('other')).not.toEqual(outcome('plain'));
  });

  it.each(['ntp', 'mtp', 'teacherless', 'mutor'])(
    '%s goes on after an interruption and ends with the same bits',
    async (objective) => {
      await collect(`${objective}-whole`, objective);
      // Stopped after events of every kind, each time as if the process had died there.
      for (const stopAfter of [2, 5, 1, 7]) {
        let seen = 0;
        for await (const { type } of train({
          device,
          recipe,
          objective,
          seed: 0,
          folder: path(`${objective}-pieces`),
        })) {
          if (type !== 'phase' && ++seen > stopAfter) break;
        }
      }
      await collect(`${objective}-pieces`, objective);
      expect(outcome(`${objective}-pieces`)).toEqual(outcome(`${objective}-whole`));
    },
  );

  it('goes on with the kernels that it began with, whatever was measured since', async () => {
    for await (const event of train({ device, recipe, objective: 'ntp', seed: 0, folder: path('kernels') }))
      if (event.type === 'checkpoint') break;
    const began = new RunFolder(path('kernels')).choices();
    const keys = Object.keys(began);
    if (keys.length === 0) return;
    // As if `foretoken tune` had found other kernels to be faster in between.
    const later = await openDevice({
      tuning: { choices: Object.fromEntries(keys.map((key) => [key, '8x32'])) },
    });
    try {
      for await (const _ of train({
        device: later,
        recipe,
        objective: 'ntp',
        seed: 0,
        folder: path('kernels'),
      }));
      const ended = Object.entries(new RunFolder(path('kernels')).choices());
      expect(ended.length).toBeGreaterThan(0);
      for (const [key, way] of ended)
        if (key in began) expect(`${key}: ${way}`).toBe(`${key}: ${began[key]}`);
      expect(outcome('kernels')).toEqual(outcome('ntp-whole'));
    } finally {
      later.close();
    }
  });

  it('trains in f16 with a scaled loss, which a resumed run takes up where it was', async () => {
    if (!device.features.has('shader-f16')) return;
    const half = overrideRecipe(recipe, ['model.precision=f16']);
    const run = async (name: string, stopAfter: number): Promise<void> => {
      let seen = 0;
      for await (const event of train({
        device,
        recipe: half,
        objective: 'ntp',
        seed: 0,
        folder: path(name),
      }))
        if (event.type === 'checkpoint' && ++seen === stopAfter) break;
    };
    await run('half-whole', Number.POSITIVE_INFINITY);
    await run('half-pieces', 1);
    await run('half-pieces', 1);
    await run('half-pieces', Number.POSITIVE_INFINITY);
    expect(outcome('half-pieces')).toEqual(outcome('half-whole'));
    const tensors = new RunFolder(path('half-whole')).load()?.tensors;
    expect(tensors?.get('lossScaler.scale')?.data[0]).toBeGreaterThan(0);
    const losses = (name: string): number[] =>
      new RunFolder(path(name))
        .events()
        .flatMap(({ type, loss }) => (type === 'metrics' ? [loss as number] : []));
    losses('half-whole').forEach((loss, at) => {
      expect(Math.abs(loss - (losses('ntp-whole')[at] as number))).toBeLessThan(2e-3);
    });
  });

  it('saves and stops on the signal', async () => {
    const controller = new AbortController();
    const events: TrainEvent[] = [];
    const run = async (): Promise<void> => {
      for await (const event of train({
        device,
        recipe,
        objective: 'mutor',
        seed: 0,
        folder: path('stopped'),
        signal: controller.signal,
      })) {
        events.push(event);
        if (event.type === 'metrics' && event.step === 6) controller.abort(new Error('stop'));
      }
    };
    await expect(run()).rejects.toThrow('stop');
    expect(events.at(-1)?.type).toBe('checkpoint');
    await collect('stopped', 'mutor');
    expect(outcome('stopped')).toEqual(outcome('mutor-whole'));
  });

  it('resumes from the checkpoint before a damaged one, says so, and ends with the same bits', async () => {
    const options = { device, recipe, objective: 'mutor', seed: 0, folder: path('damaged') };
    let saved = 0;
    for await (const event of train(options)) if (event.type === 'checkpoint' && ++saved === 2) break;
    const newest = join(path('damaged'), 'checkpoints', 'step-0000008.safetensors');
    const bytes = readFileSync(newest);
    bytes[bytes.length - 9] = (bytes[bytes.length - 9] as number) ^ 1;
    writeFileSync(newest, bytes);
    writeFileSync(join(path('damaged'), 'kernels.json'), '');
    const events = await collect('damaged', 'mutor');
    expect(events.filter(({ type }) => type !== 'phase').slice(0, 3)).toMatchObject([
      { type: 'start', step: 4 },
      {
        type: 'warning',
        message: expect.stringMatching(/step-0000008.*do not match its digest: training resumes/),
      },
      {
        type: 'warning',
        message: expect.stringMatching(/kernels.json is damaged, and written anew; the checkpoint/),
      },
    ]);
    expect(outcome('damaged')).toEqual(outcome('mutor-whole'));
  });

  it('stops on the signal wherever it is heard, and loses nothing', async () => {
    let stopped = 0;
    for (let heardAt = 2; ; heardAt++) {
      let asked = 0;
      const reason = new Error('stop');
      const isRaised = (): boolean => asked >= heardAt || ++asked >= heardAt;
      /** A signal that is raised when it is asked for the so-and-so-many-th time. */
      const signal = {
        get aborted() {
          return isRaised();
        },
        reason,
        throwIfAborted: () => {
          if (isRaised()) throw reason;
        },
      } as AbortSignal;
      try {
        for await (const _ of train({
          device,
          recipe,
          objective: 'mutor',
          seed: 0,
          folder: path('heard'),
          signal,
        }));
        break;
      } catch (error) {
        if (error !== reason) throw error;
        stopped++;
      }
    }
    expect(stopped).toBeGreaterThan(5);
    expect(outcome('heard')).toEqual(outcome('mutor-whole'));
  });

  it('leaves no GPU memory behind', async () => {
    const before = device.memory().liveBuffers;
    await collect('memory', 'mtp');
    // Results of single updates go when they are collected; everything else goes at once.
    expect(device.memory().liveBuffers).toBeLessThan(before + 40);
  });
});
