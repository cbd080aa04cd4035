import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  findRecipe,
  makeFolder,
  overrideRecipe,
  RunFolder,
  RunFolderError,
  type RunRecord,
  writeAtomic,
} from '../../src/index.js';

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'foretoken-run-'));
});
afterEach(() => rmSync(scratch, { recursive: true }));

const record: RunRecord = {
  recipe: findRecipe('star-graph'),
  objective: 'ntp',
  settings: {},
  seed: 0,
  adapter: { name: 'none', software: true },
  versions: {},
};

const progress = (step: number, logBytes = 0) => ({
  step,
  trainSeconds: 1,
  seconds: 2,
  logBytes,
  solvedAtStep: null,
});
const tensors = (value: number) =>
  new Map([['w', { data: Float32Array.of(value), shape: [1], dtype: 'f32' as const }]]);

describe('writeAtomic', () => {
  it('replaces a file and leaves nothing beside it', () => {
    const path = join(scratch, 'file');
    writeAtomic(path, 'first');
    writeAtomic(path, 'second');
    expect(readFileSync(path, 'utf8')).toBe('second');
    expect(readdirSync(scratch)).toEqual(['file']);
  });
});

describe('makeFolder', () => {
  it('makes all that is missing, and says what it began with', () => {
    expect(makeFolder(join(scratch, 'a', 'b'))).toBe(join(scratch, 'a'));
    expect(makeFolder(join(scratch, 'a', 'b'))).toBeUndefined();
    writeFileSync(join(scratch, 'file'), '');
    expect(() => makeFolder(join(scratch, 'file'))).toThrow(/file: a file is in the way/);
    expect(() => makeFolder(join(scratch, 'file', 'below'))).toThrow(/part of its path is no folder/);
  });
});

describe('RunFolder', () => {
  it('leaves nothing of a run that could not begin, and what was there before', () => {
    const path = join(scratch, 'runs', 'one');
    const folder = new RunFolder(path);
    folder.open(record)();
    folder.abandon();
    expect(readdirSync(scratch)).toEqual([]);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'notes.txt'), 'mine');
    const other = new RunFolder(path);
    other.open(record)();
    other.abandon();
    expect(readdirSync(path)).toEqual(['notes.txt']);
    const begun = new RunFolder(join(scratch, 'begun'));
    begun.open(record)();
    begun.save({ tensors: tensors(1), progress: progress(5) });
    begun.abandon();
    expect(begun.load()?.progress.step).toBe(5);
  });

  it('keeps the two newest checkpoints, with their progress', () => {
    const folder = new RunFolder(scratch);
    folder.open(record)();
    folder.save({ tensors: tensors(1), progress: progress(5) });
    folder.save({ tensors: tensors(2), progress: progress(10, 7) });
    folder.save({ tensors: tensors(3), progress: progress(15) });
    expect(readdirSync(join(scratch, 'checkpoints'))).toEqual([
      'step-0000010.safetensors',
      'step-0000015.safetensors',
    ]);
    rmSync(join(scratch, 'checkpoints', 'step-0000015.safetensors'));
    expect(folder.load()?.progress).toEqual(progress(10, 7));
    expect(folder.load()?.tensors.get('w')?.data).toEqual(Float32Array.of(2));
  });

  it('ignores a checkpoint that was being written when the process died', () => {
    const folder = new RunFolder(scratch);
    folder.open(record)();
    folder.save({ tensors: tensors(1), progress: progress(5) });
    writeFileSync(join(scratch, 'checkpoints', 'step-0000010.safetensors.123.partial'), 'half');
    mkdirSync(join(scratch, 'checkpoints', 'step-0000011.safetensors.123.partial', 'within'), {
      recursive: true,
    });
    expect(folder.load()?.progress.step).toBe(5);
    folder.open(record)();
    expect(readdirSync(join(scratch, 'checkpoints'))).toEqual(['step-0000005.safetensors']);
  });

  it('refuses a damaged checkpoint', () => {
    const folder = new RunFolder(scratch);
    folder.open(record)();
    writeFileSync(join(scratch, 'checkpoints', 'step-0000010.safetensors'), 'not a checkpoint');
    expect(() => folder.load()).toThrow(/safetensors/);
  });

  it('drops the log behind a checkpoint, and a line that was cut off', () => {
    const folder = new RunFolder(scratch);
    folder.append({ step: 1 });
    const bytes = folder.logBytes();
    folder.append({ step: 2 });
    folder.cutLog(bytes);
    writeFileSync(
      join(scratch, 'metrics.jsonl'),
      `${readFileSync(join(scratch, 'metrics.jsonl'), 'utf8')}{"st`,
    );
    expect(folder.events()).toEqual([{ step: 1 }]);
  });

  it('refuses another run, and says what differs', () => {
    const folder = new RunFolder(scratch);
    folder.open(record)();
    folder.append({ type: 'metrics', step: 1 });
    const other = { ...record, recipe: overrideRecipe(record.recipe, ['batch=8']) };
    expect(() => new RunFolder(scratch).open(other)).toThrow(/other settings \(batch\)/);
    expect(() => new RunFolder(scratch).open({ ...record, seed: 1 })).toThrow(RunFolderError);
    expect(existsSync(join(scratch, 'lock'))).toBe(false);
  });

  it('lets a command that was put right have the folder, as long as nothing was trained', () => {
    new RunFolder(scratch).open({ ...record, seed: 1 })();
    new RunFolder(scratch).open(record)();
    expect(new RunFolder(scratch).record()?.seed).toBe(0);
  });

  it('takes up a run of an earlier version, whose recipe and progress had fewer settings', () => {
    const { objectiveRateScale: _, ...optimizer } = record.recipe.optimizer;
    const folder = new RunFolder(scratch);
    folder.open({ ...record, recipe: { ...record.recipe, optimizer } as never })();
    folder.append({ type: 'metrics', step: 1 });
    folder.open(record)();
    const older = { ...record, recipe: { ...record.recipe, task: { kind: 'gone' } } };
    writeAtomic(join(scratch, 'config.json'), JSON.stringify(older));
    expect(() => folder.open(record)).toThrow(/of another version of Foretoken/);
  });

  it('does not take another mean of losses than a run of an earlier version had', () => {
    const recipe = overrideRecipe(record.recipe, ['optimizer.accumulate=2']);
    const { lossAverage: _, ...optimizer } = recipe.optimizer;
    const folder = new RunFolder(scratch);
    folder.open({ ...record, recipe: { ...recipe, optimizer } as never })();
    folder.append({ type: 'metrics', step: 1 });
    expect(() => folder.open({ ...record, recipe })).toThrow(/other settings \(optimizer\)/);
    const earlier = overrideRecipe(recipe, ['optimizer.lossAverage=microBatches']);
    folder.open({ ...record, recipe: earlier })();
  });

  it('reads summaries of an earlier version', () => {
    writeFileSync(join(scratch, 'summary.json'), '{"steps":3,"exactMatch":0.5,"firstHop":0.75}');
    expect(new RunFolder(scratch).summary()).toEqual({
      steps: 3,
      scores: { exactMatch: 0.5, firstHop: 0.75 },
      modelStep: 3,
      validationLoss: null,
      model: null,
    });
  });

  it('says in one line that a folder cannot be written, and keeps what was there', () => {
    const folder = new RunFolder(scratch);
    folder.open(record)();
    folder.save({ tensors: tensors(1), progress: progress(5) });
    rmSync(join(scratch, 'checkpoints'), { recursive: true });
    writeFileSync(join(scratch, 'checkpoints'), 'in the way');
    expect(() => folder.save({ tensors: tensors(2), progress: progress(10) })).toThrow(
      /^cannot write .*step-0000010.safetensors: part of its path is no folder\. Finished checkpoints are kept/,
    );
    rmSync(join(scratch, 'checkpoints'));
  });

  it('keeps the best parameters as long as a checkpoint names them', () => {
    const folder = new RunFolder(scratch);
    folder.open(record)();
    const best = (step: number) => ({ step, value: 1, validationLoss: 1 });
    folder.saveBest(5, tensors(1));
    folder.save({ tensors: tensors(1), progress: { ...progress(5), best: best(5) } });
    folder.saveBest(10, tensors(2));
    // A process that dies here goes on from step 5, whose best must be there.
    expect(folder.loadBest(5).get('w')?.data).toEqual(Float32Array.of(1));
    folder.save({ tensors: tensors(2), progress: { ...progress(10), best: best(10) } });
    // As may a run whose newest checkpoint is damaged.
    expect(folder.loadBest(5).get('w')?.data).toEqual(Float32Array.of(1));
    folder.save({ tensors: tensors(2), progress: { ...progress(15), best: best(10) } });
    expect(() => folder.loadBest(5)).toThrow(
      /best-0000005.safetensors cannot be read: there is no such file/,
    );
    expect(folder.loadBest(10).get('w')?.data).toEqual(Float32Array.of(2));
  });

  it('refuses a folder in use, and takes over the lock of a dead process', () => {
    const folder = new RunFolder(scratch);
    folder.open(record)();
    writeFileSync(join(scratch, 'lock'), String(process.ppid));
    expect(() => folder.open(record)).toThrow(/in use by process/);
    writeFileSync(join(scratch, 'lock'), '999999999');
    folder.open(record)();
    expect(existsSync(join(scratch, 'lock'))).toBe(false);
  });

  it('says which file is no JSON', () => {
    writeFileSync(join(scratch, 'summary.json'), '{');
    expect(() => new RunFolder(scratch).summary()).toThrow(
      /summary.json: is not valid JSON.*Put it back, or remove it/,
    );
  });
});
