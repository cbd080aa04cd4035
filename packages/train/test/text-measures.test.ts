import { cpSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate, SpeculativeGenerator } from '@foretoken/models';
import { type Device, openDevice } from '@foretoken/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { corpusOf } from '../src/corpus-cache.js';
import {
  type MetricsEvent,
  measureOffsets,
  measureText,
  nextTokenLoss,
  parseRecipe,
  parseTextMeasures,
  type Recipe,
  RunFolder,
  train,
  trainedSession,
} from '../src/index.js';
import { sequencesOf } from '../src/sequence-work.js';
import { repetitionOf, testPrompts } from '../src/study/text-measures.js';
import { checkpointFolder, tinyTokenizerFiles } from './support/tiny-checkpoint.js';

let device: Device;
const scratch = mkdtempSync(join(tmpdir(), 'foretoken-text-measures-'));
const path = (...names: string[]): string => join(scratch, ...names);
const line = (at: number): string => `${at}+${at % 7}=${at + (at % 7)}`;
const text = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, at) => line(from + at)).join('\n');

beforeAll(async () => {
  device = await openDevice();
  cpSync(checkpointFolder('llama3'), path('base'), { recursive: true });
  const { tokenizer, config } = tinyTokenizerFiles();
  writeFileSync(path('base', 'tokenizer.json'), JSON.stringify(tokenizer));
  writeFileSync(path('base', 'tokenizer_config.json'), JSON.stringify(config));
  writeFileSync(path('train.txt'), text(0, 300));
  writeFileSync(path('test.txt'), text(300, 360));
});
afterAll(() => {
  device.close();
  rmSync(scratch, { recursive: true });
});

const recipe = (changes: Record<string, unknown> = {}): Recipe =>
  parseRecipe({
    name: 'sums',
    task: {
      kind: 'corpus',
      files: { train: path('train.txt'), test: path('test.txt') },
      time: 16,
      validationShare: 0.1,
    },
    model: { from: path('base') },
    objectives: { mutor: { maxOffset: 3 }, mtp: { heads: 3, weight: 0.3 } },
    optimizer: { learningRate: 1e-2 },
    batch: 2,
    steps: 8,
    evaluation: { every: 4, lossExamples: 4, bestBy: 'last' },
    logEvery: 1,
    ...changes,
  });

async function trained(
  objective: string,
  name: string,
  changes: Record<string, unknown> = {},
): Promise<string> {
  const folder = path(name);
  for await (const _ of train({ device, recipe: recipe(changes), objective, seed: 0, folder }));
  return folder;
}

const settings = parseTextMeasures({ offsetExamples: 5, prompts: 2, promptTokens: 6, newTokens: 8 });

describe('what the log tells of registers', () => {
  it('has the loss of each offset that a batch drew, and those make up the whole', async () => {
    const folder = new RunFolder(await trained('mutor', 'log'));
    const events = folder.events().filter(({ type }) => type === 'metrics') as unknown as MetricsEvent[];
    const found = events.map(({ parts }) => parts);
    expect(found).toHaveLength(8);
    for (const parts of found) {
      const offsets = Object.entries(parts).filter(([name]) => name.startsWith('offset'));
      expect(offsets.length).toBeGreaterThan(0);
      const values = offsets.map(([, value]) => value);
      expect(parts['registers']).toBeGreaterThanOrEqual(Math.min(...values) - 1e-5);
      expect(parts['registers']).toBeLessThanOrEqual(Math.max(...values) + 1e-5);
      expect(Object.values(parts).every(Number.isFinite)).toBe(true);
    }
    // Two sequences draw two of three offsets at most.
    expect(found.every((parts) => Object.keys(parts).length < 5)).toBe(true);
    expect(new Set(found.flatMap((parts) => Object.keys(parts)))).toContain('offset3');
  });

  it('is the same from a batch in parts', async () => {
    const options = { ...recipe().optimizer, accumulate: 2 };
    const whole = new RunFolder(path('log')).events()[1] as unknown as MetricsEvent;
    const split = new RunFolder(await trained('mutor', 'parts', { optimizer: options })).events()[1];
    const { parts } = split as unknown as MetricsEvent;
    expect(Object.keys(parts)).toEqual(Object.keys(whole.parts));
    for (const [name, value] of Object.entries(whole.parts)) {
      // Means of parts weigh them alike, sums by their targets; all rows are full.
      expect(parts[name]).toBeCloseTo(value, 2);
    }
  });
});

describe.each(['mutor', 'mtp', 'ntp'])('measures of %s', (objective) => {
  it('are of what the run ended with, on the test text', async () => {
    const folder = await trained(objective, `run-${objective}`);
    const session = await trainedSession(device, folder);
    const measures = await measureText(session, settings);

    const { task, model, objective: trainedObjective } = sequencesOf(session);
    const alone = nextTokenLoss(device, task, model, {}, 2);
    expect(measures.testLoss).toBe(await alone.measure(task.exampleCount?.('test') ?? 0, 'test'));
    expect(measures.testLoss).not.toBe(await alone.measure(task.exampleCount?.('validation') ?? 0));
    alone.dispose();

    const offsets = measures.offsets.map(({ offset }) => offset);
    expect(offsets).toEqual(objective === 'ntp' ? [] : [1, 2, 3]);
    const examples = { split: 'test', count: 5 } as const;
    // Five examples in batches of two and of five: what fills the last batch up does not count.
    const other = await measureOffsets(model, trainedObjective, task, { ...examples, batch: 5 });
    measures.offsets.forEach(({ loss, tokens }, at) => {
      expect(tokens).toBe(other[at]?.tokens);
      expect(loss).toBeCloseTo(other[at]?.loss ?? 0, 5);
    });

    const drafter = trainedObjective.drafter;
    const options = { maxNewTokens: 8, greedy: true, stopTokens: [18] };
    const plain = await generate(model, testPrompts(task, 2, 6), options);
    expect(measures.repetition).toBe(repetitionOf(plain));
    if (objective === 'ntp') expect(measures.drafts).toBeNull();
    else {
      expect(drafter).toBeDefined();
      const generator = new SpeculativeGenerator(model, drafter?.call(trainedObjective) as never, {
        capacity: 14,
      });
      for (const prompt of testPrompts(task, 2, 6)) await generator.generate(prompt, options);
      expect(measures.drafts).toEqual(generator.report);
      generator.dispose();
    }
    session.dispose();
  });
});

it('a model of the best evaluation is measured as that', async () => {
  const changes = {
    evaluation: { every: 2, lossExamples: 4 },
    optimizer: { learningRate: 1, schedule: 'constant' },
  };
  const folder = await trained('ntp', 'best', changes);
  expect(new RunFolder(folder).summary()?.modelStep).toBe(0);
  const session = await trainedSession(device, folder);
  const loss = sequencesOf(session).heldOutLoss(2);
  expect(await loss.measure(4)).toBe(new RunFolder(folder).summary()?.validationLoss);
  loss.dispose();
  session.dispose();
});

it('a run that has not ended is no trained model', async () => {
  await expect(trainedSession(device, path('nowhere'))).rejects.toThrow(/nowhere: no finished run/);
});

it('without test text there is one line that says so', async () => {
  const { task } = recipe();
  const folder = await trained('ntp', 'untested', {
    task: { ...task, files: { train: path('train.txt') } },
    steps: 1,
  });
  const session = await trainedSession(device, folder);
  await expect(measureText(session, settings)).rejects.toThrow(
    /^study: there is no test text to measure on\. Give task/,
  );
  session.dispose();
});

it('repetition is the share of stretches of four tokens that have occurred before, by hand', () => {
  // 1212, 2121, 1212, 2121: four stretches, two of them distinct; 123 is too short to have any; 1234 has one.
  expect(
    repetitionOf([
      [1, 2, 1, 2, 1, 2, 1],
      [1, 2, 3],
      [1, 2, 3, 4],
    ]),
  ).toBeCloseTo(1 - 3 / 5, 12);
  // The same in two texts is no repetition.
  expect(
    repetitionOf([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]),
  ).toBe(0);
  expect(repetitionOf([[]])).toBe(0);
});

it('settings of measures are checked', () => {
  expect(() => parseTextMeasures({ prompt: 1 })).toThrow(
    /study, measure: no setting "prompt"\. Did you mean prompts\?/,
  );
});

it('a corpus is read once for all seeds, and again when its file has changed', async () => {
  const file = path('cached.txt');
  writeFileSync(file, text(0, 40));
  const options = { files: { train: file }, tokenizer: path('base'), time: 16 };
  const first = await corpusOf(options, 0);
  expect((await corpusOf(options, 1)).tokenizer).toBe(first.tokenizer);
  expect((await corpusOf(options, 1)).batch('train', 0, 2)).not.toEqual(first.batch('train', 0, 2));
  writeFileSync(file, text(100, 140));
  utimesSync(file, new Date(), new Date(Date.now() + 5000));
  const changed = await corpusOf(options, 0);
  expect(changed.tokenizer).not.toBe(first.tokenizer);
  expect(readFileSync(file, 'utf8')).toContain(
    changed.decode(changed.batch('train', 0, 1).tokens.subarray(0, 4)).trim(),
  );
});
