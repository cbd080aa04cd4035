import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StarGraphTask, starGraphSettings } from '@foretoken/data';
import { findRecipe, type RunRecord, type RunSummary, toJson } from '@foretoken/train';
import { afterAll, describe, expect, it } from 'vitest';
import { page } from '../src/report/page.js';
import { readRunLog } from '../src/report/run-logs.js';
import { objectiveTitle, runPath, summarize } from '../src/summary.js';

const scratch = mkdtempSync(join(tmpdir(), 'foretoken-report-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const recipe = findRecipe('star-graph');
const OBJECTIVES = ['ntp', 'mtp', 'teacherless', 'mutor'];
const task = new StarGraphTask({ ...starGraphSettings['star-graph'], seed: 0 });
const question = task.questions('test', 0, 1);
const path = [...(question.answers[0] ?? [])];
const drawing = task.describe('test', 0);
const otherEnd =
  drawing.nodes.find(({ id, depth }) => depth === path.length - 1 && id !== drawing.goal)?.id ?? -1;

interface Options {
  readonly objectives?: readonly string[];
  readonly seeds?: readonly number[];
  readonly command?: string;
  /** Whether runs logged anything. */
  readonly logged?: boolean;
  readonly answerOf?: (objective: string) => readonly number[];
  readonly commitOf?: (seed: number) => string;
}

let folders = 0;

/** Writes run folders as training leaves them, then makes the report of them. */
async function report(options: Options = {}): Promise<string> {
  const {
    objectives = OBJECTIVES,
    seeds = [0, 1],
    command = 'npm run foretoken -- compare',
    logged = true,
  } = options;
  const out = join(scratch, String(folders++));
  const runs = objectives.flatMap((objective) =>
    seeds.map((seed) => {
      const exactMatch = 0.5 + 0.125 * seed;
      const record: RunRecord = {
        recipe,
        objective,
        settings: { note: `settings of ${objective}` },
        seed,
        adapter: { name: 'Vega <11>', software: true },
        versions: { node: '20.19.0' },
        command,
        commit: options.commitOf?.(seed) ?? 'c0ffee',
      };
      const summary: RunSummary = {
        objective,
        seed,
        scores: { exactMatch, firstHop: exactMatch },
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
        answers: [options.answerOf?.(objective) ?? path],
      };
      const at = { step: 25, flops: 1e9, seconds: 2 };
      const events = [
        { type: 'metrics', ...at, loss: 1, parts: { [`part-of-${objective}`]: 1, zero: 0 }, gradientNorm: 1 },
        { type: 'evaluation', ...at, scores: { exactMatch: 0.25, firstHop: 0.5 } },
        { type: 'evaluation', step: 50, flops: 2e9, seconds: 4, scores: { exactMatch, firstHop: 0.5 } },
      ];
      const folder = runPath(out, objective, seed);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'config.json'), toJson(record));
      writeFileSync(join(folder, 'summary.json'), toJson(summary));
      writeFileSync(
        join(folder, 'metrics.jsonl'),
        logged ? events.map((event) => `${JSON.stringify(event)}\n`).join('') : '',
      );
      return { summary, record, log: readRunLog(folder, objective, seed) };
    }),
  );
  const summary = summarize(recipe, command, runs);
  return page({ summary, runs, problems: [] });
}

const count = (text: string, pattern: RegExp): number => [...text.matchAll(pattern)].length;

describe('the report of a comparison', () => {
  it('names every objective, chance, the command and how it was made', async () => {
    const page = await report({ command: 'npm run foretoken -- compare --seeds 0,1' });
    for (const objective of OBJECTIVES) {
      expect(page).toContain(objectiveTitle(objective));
      expect(page).toContain(`part-of-${objective}`);
      expect(page).toContain(`settings of ${objective}`);
    }
    expect(page).toContain('chance 50%');
    expect(page).toContain('Guessing the arm gives 50.0%');
    expect(page).toContain('<pre>npm run foretoken -- compare --seeds 0,1</pre>');
    expect(page).toContain('(software, on the CPU)');
    expect(page).toContain('node 20.19.0');
    expect(page).toContain('c0ffee');
  });

  it('gives the 95% interval of several seeds', async () => {
    const page = await report({ objectives: ['ntp'], seeds: [0, 1] });
    // Mean 56.25%, standard error 6.25%, times 12.706: both ends are clipped.
    expect(page).toContain('56.3%<span class="interval">0.0% to 100.0%</span>');
    expect(page).toContain('Over 2 seeds');
  });

  it('claims no interval with one seed', async () => {
    const page = await report({ seeds: [0] });
    expect(page).not.toContain('class="interval"');
    expect(page).not.toContain('95%');
    expect(page).toContain('gives no interval');
  });

  it('lists every commit that made a run', async () => {
    const page = await report({ commitOf: (seed) => `commit-${seed}` });
    expect(page).toContain('commit-0, commit-1');
  });

  it('draws a line for each run and each measure of what was spent', async () => {
    // Only curves of exact match have this width of line.
    const lines = (page: string): number => count(page, /stroke-width="1\.8"/g);
    expect(lines(await report({ objectives: ['ntp'], seeds: [0] }))).toBe(2 * 3);
    expect(lines(await report({ seeds: [0, 1, 2] }))).toBe(2 * 3 * OBJECTIVES.length * 3);
  });

  it('escapes what comes from outside', async () => {
    const page = await report({ command: 'compare "</pre><script>alert(1)</script>" & more' });
    expect(page).not.toContain('<script');
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot; &amp; more');
    expect(page).toContain('Vega &lt;11&gt;');
  });

  it('needs no network', async () => {
    const page = await report();
    expect(page).not.toMatch(/\b(?:src|href|xlink:href)\s*=|url\(|@import|https?:/);
  });

  it('says so where a run has logged nothing', async () => {
    const page = await report({ logged: false });
    // Three curves, and the loss of each objective.
    expect(count(page, /Nothing was logged/g)).toBe(3 + OBJECTIVES.length);
    expect(page).toContain('Final exact match of each seed');
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('the drawn graph', () => {
  const dashes = /stroke-dasharray="3 6"/g;

  it('marks each answer right or wrong', async () => {
    const page = await report({
      answerOf: (objective) => (objective === 'mutor' ? path : [...path].reverse()),
    });
    expect(page).toContain(`The right answer is <code>${path.join(' ')}</code>`);
    expect(count(page, /verdict right/g)).toBe(1);
    expect(count(page, /verdict wrong/g)).toBe(OBJECTIVES.length - 1);
    expect(count(page, dashes)).toBe(0);
  });

  it('dashes a step that is no edge, and only that', async () => {
    const leap = [...path.slice(0, -1), otherEnd];
    const page = await report({ objectives: ['ntp'], answerOf: () => leap });
    expect(count(page, dashes)).toBe(1);
  });

  it('writes tokens that are no node as people read them', async () => {
    const page = await report({
      objectives: ['ntp'],
      answerOf: () => [...path.slice(0, -1), task.blankToken],
    });
    expect(page).toContain(`<code>${path.slice(0, -1).join(' ')} $</code> <span class="verdict wrong">`);
  });
});
