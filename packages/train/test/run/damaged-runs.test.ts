import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSafetensors } from '@foretoken/nn';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findRecipe, overrideRecipe, RunFolder, RunFolderError, type RunRecord } from '../../src/index.js';

let template = '';
beforeAll(() => {
  template = mkdtempSync(join(tmpdir(), 'foretoken-template-'));
  writeRun(template);
});
afterAll(() => rmSync(template, { recursive: true }));

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'foretoken-damaged-'));
});
afterEach(() => rmSync(scratch, { recursive: true }));

const STEPS = 40;
const EVERY = 10;

const record: RunRecord = {
  recipe: overrideRecipe(findRecipe('star-graph'), [`steps=${STEPS}`, `evaluation.every=${EVERY}`]),
  objective: 'ntp',
  settings: {},
  seed: 0,
  adapter: { name: 'none', software: true },
  versions: {},
};

const path = (...names: string[]): string => join(scratch, 'run', ...names);
const checkpoint = (step: number): string =>
  path('checkpoints', `step-${String(step).padStart(7, '0')}.safetensors`);
const best = (step: number): string =>
  path('checkpoints', `best-${String(step).padStart(7, '0')}.safetensors`);

const tensors = (value: number) =>
  new Map([
    ['a', { data: Float32Array.of(value, 1, 2), shape: [3], dtype: 'f32' as const }],
    ['b', { data: Int32Array.of(value), shape: [], dtype: 'i32' as const }],
  ]);

/** A copy of a run that was killed behind step 30: its log, checkpoints of steps 20 and 30, and the best of each. */
function makeRun(): RunFolder {
  cpSync(template, path(), { recursive: true });
  return new RunFolder(path());
}

function writeRun(folder: string, own = record, bestStep = (step: number) => step): RunFolder {
  const run = new RunFolder(folder);
  const release = run.open(own);
  for (let step = EVERY; step <= 30; step += EVERY) {
    for (let at = step - EVERY + 1; at <= step; at++) run.append({ type: 'metrics', step: at, loss: 1 / at });
    run.append({ type: 'evaluation', step, scores: {} });
    const at = bestStep(step);
    if (at === step) run.saveBest(step, tensors(-step));
    run.save({
      tensors: tensors(step),
      progress: {
        step,
        trainSeconds: 1,
        seconds: 2,
        logBytes: run.logBytes(),
        solvedAtStep: null,
        best: { step: at, value: 1, validationLoss: 1 },
      },
      kernels: { matmul: '8x8' },
    });
  }
  run.append({ type: 'metrics', step: 31, loss: 0 });
  release();
  return run;
}

/** What the next process would do. */
function resume(own = record): { step: number | undefined; warnings: readonly string[] } {
  const run = new RunFolder(path());
  const release = run.open(own);
  try {
    const { checkpoint, warnings } = run.resume(STEPS, EVERY);
    if (checkpoint !== undefined) {
      const { step, logBytes, best } = checkpoint.progress;
      run.cutLog(logBytes);
      expect(run.events().at(-1)).toMatchObject({ type: 'evaluation', step });
      expect(checkpoint.tensors).toEqual(tensors(step));
      expect(run.loadBest(best?.step ?? 0)).toEqual(tensors(-(best?.step ?? 0)));
    }
    return { step: checkpoint?.progress.step, warnings };
  } finally {
    release();
  }
}

const edit = (file: string, change: (bytes: Buffer) => Buffer): void =>
  writeFileSync(file, change(readFileSync(file)));

function flip(file: string, at: number, bit = 0): void {
  edit(file, (bytes) => {
    bytes[at] = (bytes[at] as number) ^ (1 << bit);
    return bytes;
  });
}

const dataStart = (bytes: Buffer): number => 8 + Number(bytes.readBigUInt64LE(0));

/** What can happen to a file. */
const damages: Record<string, (file: string) => void> = {
  'is missing': (file) => rmSync(file),
  'is empty': (file) => truncateSync(file, 0),
  'is cut in the length of its header': (file) => truncateSync(file, 5),
  'is cut in its header': (file) => truncateSync(file, 60),
  'is cut behind its header': (file) => edit(file, (bytes) => bytes.subarray(0, dataStart(bytes))),
  'lacks its last byte': (file) => edit(file, (bytes) => bytes.subarray(0, -1)),
  'has a byte too many': (file) => edit(file, (bytes) => Buffer.concat([bytes, Buffer.of(0)])),
  'is zeros': (file) => edit(file, (bytes) => bytes.fill(0)),
  'has zeros for its data': (file) => edit(file, (bytes) => bytes.fill(0, dataStart(bytes))),
  'is something else': (file) => writeFileSync(file, 'no tensors'),
  'is a folder': (file) => {
    rmSync(file);
    mkdirSync(file);
  },
  'is a link to nowhere': (file) => {
    rmSync(file);
    symlinkSync('nowhere', file);
  },
  'is a link to itself': (file) => {
    rmSync(file);
    symlinkSync(file, file);
  },
  'is that of another step': (file) => edit(file, () => readFileSync(file.replace('0030', '0020'))),
};

it('resumes from the newest checkpoint, without a word', () => {
  makeRun();
  expect(resume()).toEqual({ step: 30, warnings: [] });
  expect(resume()).toEqual({ step: 30, warnings: [] });
});

describe.each(Object.entries(damages))('where the file %s', (_, damage) => {
  it('resumes from the checkpoint before it, and says so', () => {
    makeRun();
    damage(checkpoint(30));
    const { step, warnings } = resume();
    expect(step).toBe(20);
    expect(warnings).toEqual([
      expect.stringMatching(/^[^\n]*(step-0000030.*|step 30 is gone): training resumes from step 20[^\n]*$/),
    ]);
    // The next checkpoint finds its name free.
    expect(existsSync(checkpoint(30))).toBe(false);
  });

  it('falls back where the best parameters are not there', () => {
    makeRun();
    damage(best(30));
    const { step, warnings } = resume();
    expect([step, warnings.length]).toEqual([20, 1]);
    expect(warnings[0]).toMatch(/best-0000030.safetensors .*: training resumes from step 20/);
  });

  it('does not take a checkpoint for the best parameters', () => {
    makeRun();
    edit(best(30), () => readFileSync(checkpoint(20)));
    const { step, warnings } = resume();
    expect(step).toBe(20);
    expect(warnings[0]).toMatch(
      /best-0000030.safetensors holds something else .*: training resumes from step 20/,
    );
  });

  it('refuses in one line that names every file where none is left', () => {
    makeRun();
    damage(checkpoint(30));
    rmSync(checkpoint(20));
    expect(() => resume()).toThrow(RunFolderError);
    expect(() => resume()).toThrow(
      /^[^\n]*checkpoints[^\n]*(Put it back|Put an intact copy back), or remove [^\n]*$/,
    );
    expect(existsSync(path('metrics.jsonl'))).toBe(true);
  });
});

it('notices every flipped bit of a checkpoint', () => {
  makeRun();
  const intact = readFileSync(checkpoint(30));
  const run = new RunFolder(path());
  for (let at = 0; at < intact.length; at++) {
    const flipped = Buffer.from(intact);
    flipped[at] = (flipped[at] as number) ^ (1 << (at % 8));
    writeFileSync(checkpoint(30), flipped);
    expect(() => run.load()).toThrow(RunFolderError);
  }
  flip(best(30), readFileSync(best(30)).length - 1, 7);
  expect(() => run.loadBest(30)).toThrow(/best-0000030.safetensors is damaged: its contents do not match/);
});

describe('where files belong to another run', () => {
  const other = { ...record, seed: 1 };
  const others = (...names: string[]): string => join(scratch, 'other', ...names);

  it.each(['checkpoints/step-0000030.safetensors', 'checkpoints/best-0000030.safetensors', 'metrics.jsonl'])(
    'does not take %s',
    (name) => {
      makeRun();
      writeRun(others(), other);
      flip(others('metrics.jsonl'), 40);
      writeFileSync(path(name), readFileSync(others(name)));
      if (name === 'metrics.jsonl')
        expect(() => resume()).toThrow(/metrics.jsonl is not as it was when step-0000030/);
      else
        expect(resume()).toMatchObject({
          step: 20,
          warnings: [expect.stringContaining('of a run with other settings')],
        });
    },
  );

  it('refuses a summary of another run', () => {
    const summary = JSON.parse(readFileSync(join(import.meta.dirname, 'summary.json'), 'utf8'));
    const run = makeRun();
    run.open(record)();
    run.finish(summary);
    expect(run.summary()).toEqual(summary);
    edit(path('summary.json'), (bytes) => Buffer.from(String(bytes).replace(/"run": "./, '"run": "-')));
    expect(() => run.summary()).toThrow(/summary.json is of a run with other settings/);
  });
});

describe('where config.json', () => {
  it('is gone, lets the checkpoints say whether the run is the same', () => {
    makeRun();
    rmSync(path('config.json'));
    const faster = { ...record, recipe: overrideRecipe(record.recipe, ['optimizer.learningRate=1']) };
    expect(() => resume(faster)).toThrow(
      /config.json is gone, and the checkpoints are of a run with other settings/,
    );
    expect(existsSync(path('config.json'))).toBe(false);
    expect(resume()).toEqual({
      step: 30,
      warnings: [
        expect.stringMatching(/config.json was gone, and is written anew: the checkpoints are of this run/),
      ],
    });
    expect(resume().warnings).toEqual([]);
    for (const name of readdirSync(path('checkpoints'))) rmSync(path('checkpoints', name));
    rmSync(path('config.json'));
    expect(() => resume()).toThrow(/nothing else in the folder says what was trained/);
  });

  it.each(['', 'null', '[]', '{}', '{"recipe": 1}', '\0\0\0'])('holds %j, says so', (text) => {
    makeRun();
    writeFileSync(path('config.json'), text);
    expect(() => resume()).toThrow(/^[^\n]*config.json[^\n]*Put it back, or remove it[^\n]*$/);
  });

  it('was changed along with the command, does not take the checkpoints', () => {
    makeRun();
    const faster = { ...record, recipe: overrideRecipe(record.recipe, ['optimizer.learningRate=1']) };
    writeFileSync(path('config.json'), JSON.stringify(faster));
    expect(() => resume(faster)).toThrow(
      /no checkpoint can be used: .*step-0000030.* is of a run with other settings/,
    );
  });

  it('allows another number of checkpoints', () => {
    makeRun();
    expect(
      resume({ ...record, recipe: overrideRecipe(record.recipe, ['evaluation.keepCheckpoints=3']) }).step,
    ).toBe(30);
  });
});

describe('where the log', () => {
  it.each([
    ['is gone', () => rmSync(path('metrics.jsonl'))],
    ['is empty', () => truncateSync(path('metrics.jsonl'), 0)],
    ['is zeros', () => edit(path('metrics.jsonl'), (bytes) => bytes.fill(0))],
    ['has other first lines', () => flip(path('metrics.jsonl'), 20)],
  ])('%s, refuses', (_, damage) => {
    makeRun();
    damage();
    expect(() => resume()).toThrow(/^no checkpoint can be used: [^\n]*metrics.jsonl [^\n]*$/);
    expect(existsSync(checkpoint(30))).toBe(true);
  });

  it('was cut behind the checkpoint before, resumes from there', () => {
    makeRun();
    truncateSync(path('metrics.jsonl'), readFileSync(path('metrics.jsonl')).length - 200);
    expect(resume()).toMatchObject({
      step: 20,
      warnings: [expect.stringMatching(/metrics.jsonl has \d+ bytes, and had \d+/)],
    });
  });

  it('is longer, cuts it', () => {
    makeRun();
    writeFileSync(path('metrics.jsonl'), 'garbage\n{"type":"metr', { flag: 'a' });
    expect(resume()).toEqual({ step: 30, warnings: [] });
  });

  it('holds no event, names the line', () => {
    const run = makeRun();
    for (const line of ['\0\0', 'null', '3', '{"step": -1}', '{"step": "x"}', '{"type": {}}']) {
      writeFileSync(path('metrics.jsonl'), `{"step": 1}\n${line}\n`);
      expect(() => run.events()).toThrow(/^[^\n]*metrics.jsonl, line 2[^\n]*$/);
    }
    writeFileSync(path('metrics.jsonl'), Buffer.alloc(3 * 2 ** 20));
    expect(() => run.events()).toThrow(/metrics.jsonl is no log/);
  });

  it('is never made longer', () => {
    const run = makeRun();
    expect(() => run.cutLog(run.logBytes() + 1)).toThrow(/its end is gone/);
  });
});

describe('where all checkpoints are gone', () => {
  it('refuses, whatever the log tells', () => {
    makeRun();
    rmSync(path('checkpoints'), { recursive: true });
    expect(() => resume()).toThrow(/checkpoint is gone, though the run had reached step 30/);
    rmSync(path('metrics.jsonl'));
    expect(() => resume()).toThrow(/checkpoint is gone, though the run had reached step 30/);
    writeFileSync(path('last-checkpoint.json'), '\0');
    expect(() => resume()).toThrow(/checkpoint is gone/);
  });

  it('refuses for a run of an earlier version behind its first period', () => {
    makeRun();
    rmSync(path('checkpoints'), { recursive: true });
    rmSync(path('last-checkpoint.json'));
    expect(() => resume()).toThrow(/though the run had reached step 31/);
  });

  it('says that training begins again where there was none yet', () => {
    const run = new RunFolder(path());
    run.open(record)();
    run.append({ type: 'metrics', step: 3, loss: 1 });
    expect(resume()).toEqual({
      step: undefined,
      warnings: [expect.stringContaining('begins again at step 0')],
    });
  });
});

it('does not take a checkpoint without metadata', () => {
  makeRun();
  writeFileSync(checkpoint(30), writeSafetensors(tensors(30)));
  expect(resume()).toMatchObject({ step: 20, warnings: [expect.stringContaining('has no progress')] });
});

it('takes no notice of what is not its own', () => {
  makeRun();
  for (const name of ['step-x.safetensors', 'step-1.safetensors.bak', 'notes.txt', '.DS_Store'])
    writeFileSync(path('checkpoints', name), 'junk');
  expect(resume()).toEqual({ step: 30, warnings: [] });
});

it('does not take a checkpoint by another name', () => {
  makeRun();
  renameSync(checkpoint(30), checkpoint(35));
  expect(resume()).toMatchObject({
    step: 20,
    warnings: [expect.stringContaining('holds step 30: it was renamed')],
  });
  expect(readdirSync(path('checkpoints'))).toContain('step-0000035.safetensors.unusable');
});

describe('a checkpoint of an earlier version', () => {
  const write = (progress: unknown): void =>
    writeFileSync(checkpoint(30), writeSafetensors(tensors(30), { progress: JSON.stringify(progress) }));
  const earlier = (run: RunFolder, changed: object = {}): object => ({
    step: 30,
    trainSeconds: 1,
    seconds: 1,
    logBytes: run.load()?.progress.logBytes,
    solvedAtStep: null,
    best: { step: 30, value: 1, validationLoss: 1 },
    ...changed,
  });

  it('is resumed from', () => {
    write(earlier(makeRun()));
    expect(resume()).toEqual({ step: 30, warnings: [] });
  });

  it.each([
    { step: -30 },
    { step: '30' },
    { step: 2 ** 60 },
    { step: 3.5 },
    { logBytes: -1 },
    { logBytes: null },
    { trainSeconds: 'x' },
    { best: [] },
    { flops: -1 },
  ])('with progress %j is not', (changed) => {
    write(earlier(makeRun(), changed));
    expect(resume()).toMatchObject({
      step: 20,
      warnings: [expect.stringMatching(/its progress is damaged|renamed/)],
    });
  });
});

it('keeps as many checkpoints as the recipe says, with the best of each', () => {
  writeRun(
    path(),
    { ...record, recipe: overrideRecipe(record.recipe, ['evaluation.keepCheckpoints=1']) },
    (step) => Math.min(step, 20),
  );
  expect(readdirSync(path('checkpoints')).sort()).toEqual([
    'best-0000020.safetensors',
    'step-0000030.safetensors',
  ]);
});

it.each([
  '',
  'null',
  '{}',
  '{"steps": 3}',
  '{"scores": 1}',
  '{"exactMatch": "x", "firstHop": 0, "steps": 1}',
  '[',
  '\0',
])('does not take %j for a summary', (text) => {
  const run = makeRun();
  writeFileSync(path('summary.json'), text);
  expect(() => run.summary()).toThrow(
    /^[^\n]*summary.json[^\n]*the run then ends again from its last checkpoint\.$/,
  );
});

it('names damaged kernels', () => {
  const run = makeRun();
  for (const text of ['{', '[]', '{"a": 1}']) {
    writeFileSync(path('kernels.json'), text);
    expect(() => run.choices()).toThrow(/^[^\n]*kernels.json[^\n]*$/);
  }
});
