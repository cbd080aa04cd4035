import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTokenizer } from '@foretoken/data/node';
import { loadPretrained } from '@foretoken/models/node';
import { type Device, openDevice } from '@foretoken/tensor';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import {
  findRecipe,
  overrideRecipe,
  parseRecipe,
  type Recipe,
  RunFolder,
  type RunSummary,
  type SampleEvent,
  type TrainEvent,
  train,
} from '../src/index.js';

let device: Device;
let first: { readonly events: TrainEvent[]; readonly summary: RunSummary };
const scratch = mkdtempSync(join(tmpdir(), 'foretoken-scratch-'));
const PLAY = Array.from({ length: 60 }, (_, line) => `KING ${line}:\nTo be, or not to be?\n`).join('\n');

beforeAll(async () => {
  device = await openDevice();
  mkdirSync(join(scratch, 'data/tinyshakespeare'), { recursive: true });
  writeFileSync(join(scratch, 'data/tinyshakespeare/input.txt'), PLAY);
  first = await run(small(), 'chars');
});
afterEach(() => void vi.unstubAllEnvs());
afterAll(() => {
  device.close();
  rmSync(scratch, { recursive: true });
});

/** The recipe that ships, small enough for a test; its file lies in the data folder. */
const small = (...settings: string[]): Recipe =>
  overrideRecipe(findRecipe('shakespeare'), [
    'model.width=16',
    'model.layers=1',
    'model.heads=2',
    'task.time=16',
    'batch=4',
    'steps=2',
    'evaluation.every=1',
    'evaluation.lossExamples=4',
    'samples.tokens=30',
    ...settings,
  ]);

async function run(recipe: Recipe, folder: string): Promise<{ events: TrainEvent[]; summary: RunSummary }> {
  vi.stubEnv('FORETOKEN_DATA', join(scratch, 'data'));
  const events: TrainEvent[] = [];
  const running = train({ device, recipe, objective: 'ntp', seed: 3, folder: join(scratch, folder) });
  for (;;) {
    const { done, value } = await running.next();
    if (done) return { events, summary: value };
    events.push(value);
  }
}

const samplesOf = (events: readonly TrainEvent[]): SampleEvent[] =>
  events.filter((event): event is SampleEvent => event.type === 'sample');

it('a model from scratch trains with a tokenizer of its own, writes as it trains, and is saved with it', async () => {
  const { events, summary } = first;
  const samples = samplesOf(events);
  expect(samples.map(({ step }) => step)).toEqual([0, 1, 2]);
  // Longer than the 17 positions that the model reads.
  expect(samples.some(({ samples: [written] }) => (written?.text.length ?? 0) > 17)).toBe(true);
  expect(summary.samples).toHaveLength(1);
  const logged = new RunFolder(join(scratch, 'chars')).events().filter(({ type }) => type === 'sample');
  expect(logged).toEqual(samples);
  const model = join(scratch, 'chars/model');
  const tokenizer = loadTokenizer(model);
  expect(tokenizer.encode('To be?')).toHaveLength(6);
  const loaded = await loadPretrained(device, model);
  expect(loaded.config.vocabularySize).toBe(tokenizer.vocabularySize);
  loaded.model.dispose();
});

it('the same run writes the same samples', async () => {
  const again = await run(small(), 'again');
  expect(samplesOf(again.events)).toEqual(samplesOf(first.events));
});

it('samples change no bit of the training', async () => {
  const { samples: _, ...without } = small();
  const plain = await run(parseRecipe(without), 'without');
  const losses = (events: readonly TrainEvent[]) =>
    events.flatMap((event) => (event.type === 'evaluation' ? [event.validationLoss] : []));
  expect(losses(plain.events)).toEqual(losses(first.events));
});

it('byte pairs are learned from the training text as well', async () => {
  await run(small('task.tokenizer=bpe:270', 'samples.prompt=["To","KING"]'), 'pairs');
  expect(loadTokenizer(join(scratch, 'pairs/model')).vocabularySize).toBe(270);
});

it('samples are of texts, and tokenizers of a size that there is', () => {
  expect(() => overrideRecipe(findRecipe('star-graph'), ['samples.tokens=5'])).toThrow(
    /samples: a task of kind star-graph/,
  );
  expect(() => small('task.tokenizer=bpe:12')).toThrow(/tokenizer: .*got 12/);
  expect(() => small('samples.temperature=-1')).toThrow(/samples\.temperature/);
});
