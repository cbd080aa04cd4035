import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRecipe, parseStudy, type RunSummary, toJson } from '@foretoken/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concludeFolder } from '../src/commands/report.js';
import type { FinishedRun, FinishedStudy } from '../src/comparison/kind.js';
import { readStored, storedMeasures, storedStudy } from '../src/comparison/stored.js';
import { samplesOf } from '../src/report/image-sections.js';

const scratch = mkdtempSync(join(tmpdir(), 'foretoken-damaged-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const recipe = findRecipe('star-graph');
const whole = join(scratch, 'whole');
const SCRIPT = '"><script>alert(1)</script>';

const summaryOf = (objective: string, seed: number): RunSummary => ({
  objective,
  seed,
  scores: { exactMatch: 0.5, firstHop: 0.5 },
  modelStep: 50,
  validationLoss: null,
  model: null,
  chance: 0.5,
  solvedAtStep: null,
  steps: 50,
  flops: 3e9,
  tokens: 4000,
  seconds: 5,
  tokensPerSecond: 800,
  parameters: 1064,
  extraParameters: 64,
  finalQuestions: 1,
  answers: [[1, 2, 3]],
});

function writeRun(folder: string, objective: string, seed: number): void {
  mkdirSync(folder, { recursive: true });
  const adapter = { name: 'llvmpipe', software: true };
  const config = { recipe, objective, settings: {}, seed, adapter, versions: { node: '20' } };
  writeFileSync(join(folder, 'config.json'), toJson(config));
  writeFileSync(join(folder, 'summary.json'), toJson(summaryOf(objective, seed)));
  const event = { type: 'evaluation', step: 50, flops: 1e9, seconds: 2, scores: { exactMatch: 0.5 } };
  writeFileSync(join(folder, 'metrics.jsonl'), `${JSON.stringify(event)}\n`);
}

beforeAll(() => {
  for (const objective of ['ntp', 'mutor']) writeRun(join(whole, `${objective}-seed0`), objective, 0);
});

let copies = 0;

/** The report of a folder that somebody has changed, and what it complains of. */
async function reportOf(
  change: (folder: string, run: string) => void,
): Promise<{ page: string; table: string; warnings: string[] }> {
  const folder = join(scratch, String(copies++));
  cpSync(whole, folder, { recursive: true });
  change(folder, join(folder, 'ntp-seed0'));
  const warnings: string[] = [];
  const { conclusion } = await concludeFolder(folder, (text) => warnings.push(text));
  return { page: conclusion.page, table: conclusion.table, warnings };
}

/** Changes a JSON file. */
function edit(path: string, change: (value: Record<string, never>) => object): void {
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')))));
}

describe('a report of damaged run folders', () => {
  it.each([
    ['config.json', 'null', 'null'],
    ['summary.json', 'an empty object', '{}'],
    ['config.json', 'a list', '[]'],
    ['summary.json', 'nothing', ''],
    ['config.json', 'NUL bytes', '\0'.repeat(4096)],
    ['summary.json', 'half of it', '{"objective": "ntp", "sco'],
    ['config.json', 'a hundred thousand brackets', '['.repeat(100_000)],
  ])('leaves a run out whose %s holds %s, and names the file', async (file, _, text) => {
    const { page, table, warnings } = await reportOf((__, run) => writeFileSync(join(run, file), text));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(join('ntp-seed0', file));
    expect(warnings[0]).not.toContain('\n');
    expect(page).toContain('Left out');
    expect(table).not.toContain('next-token');
    expect(table).toContain('MuToR registers');
  });

  it('keeps a run whose log is damaged, without its curves', async () => {
    for (const text of ['\0\0\0\n', '{"type":"evaluation","scores":5}\n']) {
      const { page, table } = await reportOf((_, run) => writeFileSync(join(run, 'metrics.jsonl'), text));
      expect(table).toContain('next-token');
      expect(page).not.toMatch(/>[^<]*\b(NaN|Infinity)\b/);
    }
  });

  it('leaves out a run whose folder is a link to somewhere else', async () => {
    const { warnings, table } = await reportOf((_, run) => {
      rmSync(run, { recursive: true });
      symlinkSync(join(whole, 'ntp-seed0'), run);
    });
    expect(warnings).toEqual([expect.stringMatching(/is a link that leads out of/)]);
    expect(table).not.toContain('next-token');
  });

  it('leaves out a second run of the same name', async () => {
    const { warnings, page } = await reportOf((folder) => writeRun(join(folder, 'ntp-seed00'), 'ntp', 0));
    expect(warnings).toEqual([expect.stringMatching(/ntp-seed00: there is another run of ntp seed 0/)]);
    expect(page).toContain('0/1');
  });

  it('shows figures that are too large or no numbers', async () => {
    const { page } = await reportOf((_, run) => {
      edit(join(run, 'summary.json'), (summary) => ({
        ...summary,
        scores: { exactMatch: 1e308, firstHop: null },
        flops: 1e308,
        seconds: 1e308,
      }));
      const event = {
        type: 'evaluation',
        step: 1,
        flops: 1e308,
        seconds: -1e308,
        scores: { exactMatch: 1e308 },
      };
      writeFileSync(join(run, 'metrics.jsonl'), `${JSON.stringify(event)}\n`);
    });
    expect(page).toContain('n.a.');
    expect(page).not.toMatch(/>[^<]*\b(NaN|Infinity)\b/);
  });

  it('escapes names, answers and settings', async () => {
    const { page, table } = await reportOf((_, run) => {
      edit(join(run, 'config.json'), (config) => ({
        ...config,
        recipe: { ...(config['recipe'] as unknown as object), title: SCRIPT, description: SCRIPT },
        adapter: { name: SCRIPT, software: false },
        settings: { [SCRIPT]: SCRIPT },
        versions: { [SCRIPT]: '\u001b[31m' },
        command: SCRIPT,
      }));
    });
    expect(page).not.toContain('<script>');
    expect(page).toContain('&lt;script&gt;');
    expect(table).not.toContain('\u001b');
  });

  it('says in one line that there is nothing to report', async () => {
    const failing = (change: (folder: string, run: string) => void) => reportOf(change);
    await expect(
      failing((folder) => {
        for (const name of ['ntp-seed0', 'mutor-seed0']) rmSync(join(folder, name, 'summary.json'));
      }),
    ).rejects.toThrow(/^report: no finished run in [^\n]*$/);
    await expect(
      failing((folder) => {
        for (const name of ['ntp-seed0', 'mutor-seed0'])
          edit(join(folder, name, 'config.json'), (config) => ({ ...config, objective: SCRIPT }));
      }),
    ).rejects.toThrow(/^report: no run can be read\. [^\n]*$/);
    for (const text of ['null', '{}', '{"study": 5}', '\0'])
      await expect(failing((folder) => writeFileSync(join(folder, 'study.json'), text))).rejects.toThrow(
        /study\.json[^\n]*$/,
      );
  });
});

describe('what a study has stored', () => {
  const study = parseStudy({
    name: 'one',
    recipe: { ...recipe, name: 'one' },
    variants: [{ name: 'ntp', objective: 'ntp' }],
  });
  const record = (folder: string) => ({
    study,
    command: '',
    runs: [
      {
        variant: 'ntp',
        dataset: '',
        seed: 0,
        objective: 'ntp',
        recipe: study.recipe,
        budgets: ['steps'],
        folder,
      },
    ],
  });

  it('is read as it was written', () => {
    const path = join(scratch, 'study.json');
    writeFileSync(path, toJson(record('ntp-seed0')));
    const found = readStored(path, storedStudy, 'Write it anew.');
    expect(found?.study.recipe).toEqual(study.recipe);
    expect(found?.runs[0]?.folder).toBe('ntp-seed0');
  });

  it.each(['../outside', '/etc', 'a/../../b', '', 'a\0b', 'a//b'])('has no folder %j', (folder) => {
    const path = join(scratch, 'study.json');
    writeFileSync(path, toJson(record(folder)));
    expect(() => readStored(path, storedStudy, 'Write it anew.')).toThrow(
      /study\.json is damaged: runs\.0\.folder: expected a folder below/,
    );
  });

  it('has no pictures that are something else', () => {
    const path = join(scratch, 'measures.json');
    const look = {
      cell: 0,
      target: 1,
      attention: { classToken: 1, itself: 0, cells: [0] },
      likeliest: 1,
      truth: 1,
    };
    const view = {
      label: 1,
      height: 2,
      width: 2,
      image: 'aGk=',
      looks: [{ ...look, patch: 'aGk=', truePatch: '' }],
    };
    const measures = { testLoss: null, offsets: [], drafts: null, repetition: null };
    const stored = (changed: object) => {
      writeFileSync(path, JSON.stringify({ ...measures, view: { ...view, ...changed } }));
      return readStored(path, storedMeasures, 'Measure again.');
    };
    expect(stored({})?.testLoss).toBeNaN();
    expect(() => stored({ image: '" onload="alert(1)' })).toThrow(/measures\.json is damaged: view\.image/);
    expect(() => stored({ image: 5 })).toThrow(/\. Measure again\.$/);
    expect(() => stored({ width: 1e9 })).toThrow(/view\.width/);
    expect(() => stored({ height: 1, width: 1 })).toThrow(/cells beyond the image/);
  });
});

describe('a picture of samples', () => {
  const out = join(scratch, 'pictures');
  const file = join(out, 'run', 'samples.png');
  const head = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
  const png = (width: number, height: number): Buffer => {
    const size = Buffer.alloc(32);
    size.writeUInt32BE(width, 0);
    size.writeUInt32BE(height, 4);
    return Buffer.concat([head, size]);
  };
  const found = () => samplesOf({ out } as FinishedStudy, { run: { folder: 'run' } } as FinishedRun);
  beforeAll(() => void mkdirSync(join(out, 'run'), { recursive: true }));

  it('is shown where it is one, and of a size that can be drawn', () => {
    writeFileSync(file, png(30, 20));
    expect(found()).toMatchObject({ width: 30, height: 20 });
    for (const bytes of [png(2e9, 2e9), png(0, 5), Buffer.from(SCRIPT), Buffer.alloc(0)]) {
      writeFileSync(file, bytes);
      expect(found()).toBeUndefined();
    }
  });

  it('is not shown where it is a link out of the folder, or a folder', () => {
    rmSync(file);
    writeFileSync(join(scratch, 'elsewhere.png'), png(3, 3));
    symlinkSync(join(scratch, 'elsewhere.png'), file);
    expect(found()).toBeUndefined();
    rmSync(file);
    mkdirSync(file);
    expect(found()).toBeUndefined();
  });
});
