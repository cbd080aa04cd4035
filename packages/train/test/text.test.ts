import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPretrained } from '@foretoken/models/node';
import { readSafetensors } from '@foretoken/nn';
import { type Device, openDevice } from '@foretoken/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  nextTokenLoss,
  parseRecipe,
  type Recipe,
  RunFolder,
  type SequenceWork,
  Session,
  sequencesOf,
  type TrainEvent,
  train,
} from '../src/index.js';

let device: Device;
const scratch = mkdtempSync(join(tmpdir(), 'foretoken-text-'));
const path = (...names: string[]): string => join(scratch, ...names);

const LETTERS = [...'abcdefghijklmnopqrstuvwxyz =+0123456789'];

beforeAll(async () => {
  device = await openDevice();
  // A tokenizer of single letters.
  mkdirSync(path('letters'));
  const vocab = Object.fromEntries(['<unk>', '</s>', ...LETTERS].map((letter, id) => [letter, id]));
  writeFileSync(
    path('letters', 'tokenizer.json'),
    JSON.stringify({
      model: { type: 'BPE', vocab, merges: [], unk_token: '<unk>' },
      decoder: { type: 'Fuse' },
      added_tokens: [
        { id: 0, content: '<unk>', special: true },
        { id: 1, content: '</s>', special: true },
      ],
    }),
  );
  writeFileSync(
    path('letters', 'tokenizer_config.json'),
    JSON.stringify({ eos_token: '</s>', unk_token: '<unk>' }),
  );
  const sums = Array.from({ length: 60 }, (_, at) => ({
    question: `${at % 10}+${at % 7}`,
    answer: 'x'.repeat((at % 5) + 1) + String((at % 10) + (at % 7)),
  }));
  const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  writeFileSync(path('train.jsonl'), lines(sums.slice(0, 45)));
  writeFileSync(path('valid.jsonl'), lines(sums.slice(45)));
});
afterAll(() => {
  device.close();
  rmSync(scratch, { recursive: true });
});

const recipe = (changes: Record<string, unknown> = {}, task: Record<string, unknown> = {}): Recipe =>
  parseRecipe({
    name: 'sums',
    task: {
      kind: 'text',
      template: '{question} = {answer}',
      tokenizer: path('letters'),
      files: { train: path('train.jsonl'), validation: path('valid.jsonl') },
      scorer: 'text',
      maxTime: 16,
      maxAnswerTime: 8,
      buckets: [12, 16],
      ...task,
    },
    model: { width: 16, layers: 1, heads: 2, mlpWidth: 16 },
    objectives: { mutor: { maxOffset: 3 } },
    optimizer: { learningRate: 3e-3 },
    batch: 4,
    steps: 6,
    evaluation: { every: 3, questions: 4 },
    logEvery: 1,
    ...changes,
  });

async function run(name: string, given: Recipe, objective = 'mutor', stopAfter = Number.POSITIVE_INFINITY) {
  const events: TrainEvent[] = [];
  for await (const event of train({ device, recipe: given, objective, seed: 0, folder: path(name) })) {
    if (event.type !== 'phase') events.push(event);
    if (events.length > stopAfter) break;
  }
  return events;
}

/** What the trainer would train with next-token prediction. */
async function openWork(given: Recipe): Promise<SequenceWork> {
  return sequencesOf(await Session.create(device, given, 'ntp', 0));
}

describe('training on text', () => {
  it('goes on after interruptions with the same bits, model folder included', async () => {
    const events = await run('whole', recipe());
    const evaluations = events.filter(({ type }) => type === 'evaluation');
    expect(evaluations.map((event) => 'step' in event && event.step)).toEqual([0, 3, 6]);
    expect(events[0]).toMatchObject({ reports: [expect.stringContaining('train'), expect.anything()] });
    for (const stopAfter of [1, 3, 6]) await run('pieces', recipe(), 'mutor', stopAfter);
    await run('pieces', recipe());
    const file = (name: string): Buffer => readFileSync(path(name, 'model', 'model.safetensors'));
    expect(file('pieces').equals(file('whole'))).toBe(true);
    expect([...(new RunFolder(path('pieces')).load()?.tensors ?? [])]).toEqual([
      ...(new RunFolder(path('whole')).load()?.tensors ?? []),
    ]);
    // The tokenizer lies beside the model, and both are opened again.
    expect(existsSync(path('whole', 'model', 'tokenizer.json'))).toBe(true);
    const summary = new RunFolder(path('whole')).summary();
    expect(summary).toMatchObject({ modelStep: 6, model: 'model' });
    const { model } = await loadPretrained(device, path('whole', 'model'));
    const work = await openWork(recipe());
    const loss = nextTokenLoss(device, work.task, model, {}, 4);
    expect(await loss.measure(15)).toBeCloseTo(summary?.validationLoss ?? 0, 5);
    loss.dispose();
    work.dispose();
    model.dispose();
  });

  it('measures the validation loss by tokens, whatever the batches are', async () => {
    const work = await openWork(recipe());
    const losses = [];
    for (const batch of [1, 4, 15]) {
      const measured = work.heldOutLoss(batch);
      losses.push(await measured.measure(15));
      measured.dispose();
    }
    expect(losses[1]).toBeCloseTo(losses[0] as number, 5);
    expect(losses[2]).toBeCloseTo(losses[0] as number, 5);
    work.dispose();
  });

  it('keeps the best parameters, not the last', async () => {
    const worse = recipe({ optimizer: { learningRate: 3, clip: 100, schedule: 'constant' } });
    await run('worse', worse, 'ntp');
    const summary = new RunFolder(path('worse')).summary();
    expect(summary?.modelStep).toBe(0);
    const { model } = await loadPretrained(device, path('worse', 'model'));
    const work = await openWork(worse);
    const [saved, first] = [await model.stateDict(), await work.model.stateDict()];
    expect(saved).toEqual(first);
    model.dispose();
    work.dispose();
  });

  it('fine-tunes a saved model, and keeps its config', async () => {
    const from = recipe({ model: { from: path('whole', 'model') }, steps: 2, evaluation: { every: 2 } });
    const events = await run('tuned', from, 'mtp');
    const [first] = events.filter(({ type }) => type === 'evaluation');
    expect(first).toMatchObject({
      step: 0,
      validationLoss: expect.closeTo(new RunFolder(path('whole')).summary()?.validationLoss ?? 0, 4),
    });
    expect(JSON.parse(readFileSync(path('tuned', 'model', 'config.json'), 'utf8'))).toMatchObject({
      model_type: 'llama',
      hidden_size: 16,
    });
  });

  it('stops at a loss that is no number, with the batch and the last good parameters', async () => {
    const wild = recipe({ optimizer: { learningRate: 1e30, clip: 1e30, schedule: 'constant' }, steps: 6 });
    const events: TrainEvent[] = [];
    const failing = async (): Promise<void> => {
      for await (const event of train({
        device,
        recipe: wild,
        objective: 'ntp',
        seed: 0,
        folder: path('wild'),
      }))
        events.push(event);
    };
    await expect(failing()).rejects.toThrow(
      /^ntp, seed 0: the loss is .* at step \d+\. The batch and .*learningRate\.$/,
    );
    const failure = events.at(-1);
    expect(failure?.type).toBe('failure');
    if (failure?.type !== 'failure') return;
    const good = failure.step - 1;
    expect(existsSync(join(failure.folder, 'batch-0.safetensors'))).toBe(true);
    // Those of a session that made just the good updates.
    const session = await Session.create(device, wild, 'ntp', 0);
    for (let step = 0; step < good; step++) await session.update(step).figures.data();
    const { tensors } = readSafetensors(readFileSync(join(failure.folder, 'last-good.safetensors')));
    for (const [name, { data }] of await session.saveParameters()) {
      expect(tensors.get(name)?.data, name).toEqual(data);
    }
    session.dispose();
  });
});

describe('how long a run takes', () => {
  it('is a number of epochs, of the parts that an update is made of', async () => {
    const optimizer = { learningRate: 1e-3, accumulate: 2 };
    const byEpochs = recipe({ steps: undefined, epochs: 1.5, optimizer });
    const session = await Session.create(device, byEpochs, 'ntp', 0);
    const parts = session.work.task.batchesPerEpoch?.('train', 2) ?? 0;
    expect(parts).toBeGreaterThan(10);
    expect(session.steps).toBe(Math.ceil((1.5 * parts) / 2));
    expect(session.schedule(session.steps)).toBe(0);
    session.dispose();
    const events = await run('epochs', recipe({ steps: undefined, epochs: 0.1 }), 'ntp');
    const { steps } = new RunFolder(path('epochs')).summary() ?? {};
    expect(events[0]).toMatchObject({ type: 'start', steps });
  });

  it('ends when evaluations get no better, also behind an interruption', async () => {
    // Too small a rate to change anything, so that no evaluation beats the first.
    const still = recipe({
      steps: 50,
      optimizer: { learningRate: 1e-30, schedule: 'constant' },
      evaluation: { every: 1, lossExamples: 4, patience: 3 },
    });
    await run('patient', still, 'ntp');
    expect(new RunFolder(path('patient')).summary()).toMatchObject({
      steps: 3,
      modelStep: 0,
      endedBy: 'patience',
    });
    await run('impatient', still, 'ntp', 7);
    expect(new RunFolder(path('impatient')).summary()).toBeUndefined();
    await run('impatient', still, 'ntp');
    expect(new RunFolder(path('impatient')).summary()).toMatchObject({ steps: 3, endedBy: 'patience' });
  });
});

describe('what is refused, in one line', () => {
  it.each([
    [
      'a missing file',
      () => recipe({}, { files: { train: path('trian.jsonl') } }),
      /trian.jsonl: there is no such file; did you mean 'train.jsonl'\?/,
    ],
    ['a missing column', () => recipe({}, { template: '{problem} = {answer}' }), /no column 'problem'/],
    [
      'a missing tokenizer',
      () => recipe({}, { tokenizer: path('nowhere') }),
      /nowhere: there is no such folder/,
    ],
    ['a missing model', () => recipe({ model: { from: path('nowhere') } }), /nowhere is no folder/],
    [
      'test questions without a test file',
      () => recipe({ evaluation: { finalQuestions: 3 } }),
      /has no test questions/,
    ],
    [
      'a metric that is not measured',
      () => recipe({ evaluation: { bestBy: 'rouge9' } }),
      /"rouge9" is not measured/,
    ],
    [
      'questions of running text',
      () =>
        parseRecipe({
          ...recipe({ evaluation: { questions: 3 } }),
          task: {
            kind: 'corpus',
            tokenizer: path('letters'),
            column: 'question',
            time: 8,
            files: { train: path('train.jsonl') },
          },
        }),
      /asks no questions/,
    ],
    [
      'sequences beyond the context',
      () => recipe({ model: { from: path('whole', 'model') } }, { maxTime: 64, buckets: 1 }),
      /task.maxTime: sequences of up to 64 tokens exceed the context/,
    ],
  ])('%s', async (name, given, message) => {
    const failing = run(`refused ${name}`, given());
    await expect(failing).rejects.toThrow(message);
    await expect(failing).rejects.not.toThrow('\n');
  });

  it('data that changed since the run began', async () => {
    writeFileSync(path('changing.jsonl'), readFileSync(path('train.jsonl')));
    const given = recipe({}, { files: { train: path('changing.jsonl') } });
    await run('changing', given, 'ntp', 2);
    writeFileSync(path('changing.jsonl'), readFileSync(path('valid.jsonl')));
    await expect(run('changing', given, 'ntp')).rejects.toThrow(/changing.jsonl has changed since/);
  });

  it('a pretrained model that changed since the run began', async () => {
    await run('begun', recipe({ steps: 1, evaluation: { every: 1 } }), 'ntp');
    cpSync(path('begun', 'model'), path('base'), { recursive: true });
    const from = recipe({ model: { from: path('base') }, steps: 4, evaluation: { every: 2 } });
    await run('from base', from, 'ntp', 5);
    const weights = readFileSync(path('base', 'model.safetensors'));
    weights.writeFloatLE(0.5, weights.length - 4);
    writeFileSync(path('base', 'model.safetensors'), weights);
    await expect(run('from base', from, 'ntp')).rejects.toThrow(
      /^model.from .*base: model.safetensors has changed since the run in .* began\. Put the old file back, or choose another --out\.$/,
    );
  });

  it('a tokenizer that changed since the run began, wherever it lies and whichever of its files', async () => {
    await run('origin', recipe({ steps: 1, evaluation: { every: 1 } }), 'ntp');
    cpSync(path('origin', 'model'), path('begin'), { recursive: true });
    cpSync(path('letters'), path('own letters'), { recursive: true });
    const from = recipe({ model: { from: path('begin') }, steps: 4, evaluation: { every: 2 } });
    const own = recipe({ steps: 4, evaluation: { every: 2 } }, { tokenizer: path('own letters') });
    await run('from begin', from, 'ntp', 5);
    await run('with own', own, 'ntp', 5);
    for (const [folder, name, given] of [
      ['begin', 'from begin', from],
      ['own letters', 'with own', own],
    ] as const) {
      const config = path(folder, 'tokenizer_config.json');
      const before = readFileSync(config, 'utf8');
      writeFileSync(config, JSON.stringify({ ...JSON.parse(before), add_bos_token: true }));
      await expect(run(name, given, 'ntp')).rejects.toThrow(/tokenizer_config.json has changed since/);
      rmSync(config);
      await expect(run(name, given, 'ntp')).rejects.toThrow(/tokenizer_config.json is gone/);
      writeFileSync(config, before);
      writeFileSync(path(folder, 'special_tokens_map.json'), '{}');
      await expect(run(name, given, 'ntp')).rejects.toThrow(/special_tokens_map.json has changed since/);
      rmSync(path(folder, 'special_tokens_map.json'));
      writeFileSync(path(folder, 'README.md'), 'notes');
    }
    await run('from begin', from, 'ntp');
    expect(new RunFolder(path('from begin')).summary()?.steps).toBe(4);
  });

  it('a checkpoint that vanished', async () => {
    await run('vanished', recipe({ steps: 9 }), 'ntp', 11);
    rmSync(path('vanished', 'checkpoints'), { recursive: true });
    await expect(run('vanished', recipe({ steps: 9 }), 'ntp')).rejects.toThrow(/the checkpoint is gone/);
  });
});
