import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRecipe, overrideRecipe, type RunRecord, toJson } from '@foretoken/train';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderSvg } from '../src/report/render.js';
import { curvePlot } from '../src/runs/curve-plot.js';
import { curveOf, metricNames, smoothed } from '../src/runs/curves.js';
import { figuresOf } from '../src/runs/figures.js';
import { findRuns } from '../src/runs/find-runs.js';
import { shortNames } from '../src/runs/names.js';
import type { RunInfo } from '../src/runs/run-info.js';
import { differentSettings } from '../src/runs/settings.js';
import { comparisonTable, runsTable } from '../src/runs/tables.js';

const scratch = mkdtempSync(join(tmpdir(), 'foretoken-runs-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const recipe = findRecipe('star-graph');
const metric = (step: number, loss: number): object => ({
  type: 'metrics',
  step,
  loss,
  parts: { ntp: loss / 2 },
  flops: step * 1e6,
  tokens: step * 100,
  seconds: step,
});
const evaluation = (step: number, exactMatch: number): object => ({
  type: 'evaluation',
  step,
  flops: step * 1e6,
  seconds: step,
  scores: { exactMatch },
});

/** Writes a run folder as training leaves it. */
function write(name: string, rate: number, events: readonly object[], seed = 0): string {
  const folder = join(scratch, name);
  mkdirSync(folder, { recursive: true });
  const record: RunRecord = {
    recipe: overrideRecipe(recipe, [`optimizer.learningRate=${rate}`, 'steps=40']),
    objective: 'mutor',
    settings: { maxOffset: 3 },
    seed,
    adapter: { name: 'software', software: true },
    versions: { node: '20.19.0' },
  };
  writeFileSync(join(folder, 'config.json'), toJson(record));
  writeFileSync(join(folder, 'metrics.jsonl'), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  return folder;
}

let runs: readonly RunInfo[];
const told: string[] = [];

beforeAll(() => {
  write('study/fast', 1e-2, [metric(10, 3), metric(20, 2), evaluation(20, 0.25), metric(30, 1)]);
  write('study/slow', 1e-3, [metric(10, 3.5), evaluation(15, 0.125), metric(20, 3)], 1);
  write('study/new', 1e-3, []);
  const damaged: Record<string, string> = {
    'a-config': '{"recipe": ',
    'b-config': '{"recipe": 1}',
    'c-empty': '',
  };
  for (const [name, config] of Object.entries(damaged)) {
    mkdirSync(join(scratch, 'study', name));
    writeFileSync(join(scratch, 'study', name, 'config.json'), config);
    writeFileSync(join(scratch, 'study', name, 'metrics.jsonl'), '{}\n');
  }
  // The folder of a model is none of a run.
  mkdirSync(join(scratch, 'study/model'));
  writeFileSync(join(scratch, 'study/model/config.json'), '{"model_type": "llama"}');
  mkdirSync(join(scratch, 'study/d-pipe'));
  spawnSync('mkfifo', [join(scratch, 'study/d-pipe/metrics.jsonl')]);
  const log = write('study/z-log', 1e-3, [metric(10, 3)]);
  writeFileSync(join(log, 'metrics.jsonl'), '\0\0\0 no JSON\n');
  runs = findRuns([scratch], (line) => told.push(line));
});

const named = (name: string): RunInfo => runs.find(({ path }) => path.endsWith(name)) as RunInfo;

describe('runs', () => {
  it('are found in and below a folder; damaged ones are skipped with a line', () => {
    expect(runs.map(({ path }) => path.replace(`${scratch}/study/`, ''))).toEqual([
      'fast',
      'new',
      'slow',
      'z-log',
    ]);
    expect(told.filter((line) => !line.includes('d-pipe'))).toHaveLength(4);
    // Where the system has pipes.
    expect(told.filter((line) => line.includes('d-pipe'))).toEqual(
      process.platform === 'win32'
        ? []
        : [`${join(scratch, 'study/d-pipe')}: skipped: metrics.jsonl is not a file`],
    );
    for (const [at, name] of ['a-config', 'b-config', 'c-empty'].entries())
      expect(told[at]).toMatch(new RegExp(`^[^\\n]*${name}: skipped: [^\\n]*$`));
    expect(told.at(-1)).toMatch(/z-log: [^\n]*metrics\.jsonl[^\n]*$/);
  });

  it('that are asked for alone and damaged are refused in one line', () => {
    const tell = (line: string) => expect.unreachable(line);
    expect(() => findRuns([join(scratch, 'study', 'a-config')], tell)).toThrow(
      /a-config: [^\n]*config\.json/,
    );
  });

  it('have a state and figures', () => {
    expect(runs.map(({ state }) => state)).toEqual(['stopped', 'new', 'stopped', 'new']);
    expect(figuresOf(named('fast'))).toMatchObject({
      step: 30,
      steps: 40,
      loss: 1,
      scores: { exactMatch: 0.25 },
      tokens: 3000,
    });
    expect(figuresOf(named('new'))).toMatchObject({ step: 0, loss: null, validationLoss: null });
    expect(runsTable(runs).split('\n')[2]).toMatch(
      /fast +star-graph +mutor +stopped +30\/40 +1\.0000 +- +exactMatch 25\.0%/,
    );
  });

  it('are told apart by the settings in which they differ', () => {
    expect(differentSettings([named('fast'), named('slow')])).toEqual([
      { name: 'seed', values: ['0', '1'] },
      { name: 'optimizer.learningRate', values: ['0.01', '0.001'] },
    ]);
    const table = comparisonTable([named('fast'), named('slow')]);
    expect(table).toMatch(/optimizer\.learningRate +0\.01 +0\.001/);
    expect(table).toMatch(/exactMatch +25\.0% +12\.5%/);
    expect(comparisonTable([named('fast'), named('fast')])).toMatch(/All settings are the same/);
  });
});

describe('curves', () => {
  it('are of everything that runs have logged', () => {
    expect(metricNames(runs)).toEqual(['loss', 'parts.ntp', 'exactMatch']);
    expect(curveOf(named('fast'), 'loss', 'step').points).toEqual([
      { x: 10, y: 3 },
      { x: 20, y: 2 },
      { x: 30, y: 1 },
    ]);
    expect(curveOf(named('fast'), 'parts.ntp', 'flops').points[0]).toEqual({ x: 1e7, y: 1.5 });
    expect(curveOf(named('new'), 'loss', 'step').points).toEqual([]);
  });

  it('know the tokens of evaluations, which lie between two steps', () => {
    expect(curveOf(named('slow'), 'exactMatch', 'tokens').points).toEqual([{ x: 1500, y: 0.125 }]);
  });

  it('are smoothed without a pull to zero', () => {
    const constant = { run: named('fast'), points: [1, 2, 3].map((x) => ({ x, y: 5 })) };
    for (const { y } of smoothed(constant, 0.9).points) expect(y).toBeCloseTo(5);
    const [first, second] = smoothed(curveOf(named('fast'), 'loss', 'step'), 0.5).points;
    expect(first?.y).toBe(3);
    expect(second?.y).toBeCloseTo((0.25 * 3 + 0.5 * 2) / 0.75);
  });

  it('are drawn with a key of names that tell runs apart', async () => {
    const names = shortNames(['runs/a/ntp-seed0', 'runs/b/ntp-seed0']);
    expect(names).toEqual(['a/ntp-seed0', 'b/ntp-seed0']);
    const curves = [named('fast'), named('slow')].map((run) => curveOf(run, 'loss', 'step'));
    const svg = await renderSvg(curvePlot(curves, { metric: 'loss', spent: 'step', names }));
    for (const text of [...names, 'training steps', '>loss<']) expect(svg).toContain(text);
  });
});
