import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { explain } from '../src/errors.js';
import { runProgram } from '../src/program.js';

const before = process.cwd();
const scratch = mkdtempSync(join(tmpdir(), 'foretoken-hostile-commands-'));
const files = join(scratch, 'files');
const empty = join(scratch, 'empty');

beforeAll(() => {
  mkdirSync(files);
  mkdirSync(empty);
  for (const [name, contents] of Object.entries({
    'null.yaml': 'null',
    'list.yaml': '[1]',
    'up.yaml': 'base: star-graph\nname: ../../../x',
    'deep.json': `{"task": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    'study.yaml': 'recipe: { base: star-graph }\nvariants: [{ name: ../x, objective: ntp }]',
    'measure.yaml':
      'recipe: { base: star-graph }\nvariants: [{ name: a, objective: ntp }]\nmeasure: { anything: 1 }',
  }))
    writeFileSync(join(files, name), contents);
  process.chdir(empty);
});

afterAll(() => {
  process.chdir(before);
  rmSync(scratch, { recursive: true });
});

afterEach(() => vi.restoreAllMocks());

/** What a command says on standard error, as the program would print it, and what it prints. */
async function outcome(args: readonly string[]): Promise<{ said: string; printed: string }> {
  let [said, printed] = ['', ''];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  try {
    const code = await runProgram(args);
    expect(code).toBe(1);
  } catch (error) {
    said += explain(error);
  }
  return { said, printed };
}

const HUGE = '1000000000';
const generate = (...rest: string[]) => ['generate', '--model', 'x', '--prompt', 'a', ...rest];
const evaluate = (...rest: string[]) => ['evaluate', '--model', 'x', '--task', 'gsm8k', ...rest];

const commands: readonly (readonly [args: readonly string[], message: RegExp])[] = [
  // Commands and flags that there are not.
  [['trian'], /no command "trian"\. Did you mean train\?/],
  [['__proto__'], /no command "__proto__"/],
  [['constructor'], /no command "constructor"/],
  [['two\nlines'], /no command "two\\nlines"/],
  [['bench', 'sope'], /no command "sope"/],
  [['help', 'trian'], /Did you mean train/],
  [['train', '--bogus'], /no flag "--bogus"/],
  [['train', '--objectve', 'ntp'], /Did you mean --objective\?/],
  [['train', '--learningrate', '1'], /Did you mean --learningRate\?/],
  [['train', '--mutor.maxOfset', '1'], /Did you mean mutor\.maxOffset\?/],
  [['train', '--two\nlines=1'], /no flag "--two\\nlines/],
  [['train', '-z'], /no flag "-z"/],
  [['train', 'surplus'], /"surplus": there is no such argument/],
  [['train', '--', '--steps'], /"--steps": there is no such argument/],
  [['report'], /expected an argument: folder/],
  [['report', ''], /folder: expected a value/],
  [['completion', 'fish'], /expected one of bash, zsh/],
  [['train', '--json=5'], /--json: /],
  // Values that are missing, empty or given twice.
  [['train', '--steps'], /--steps: expected a value/],
  [['train', '--steps='], /--steps: expected a value/],
  [['train', '--out', ''], /--out: expected a value/],
  [['train', '--recipe='], /no recipe ""|--recipe: expected a value/],
  [['train', '--seed='], /--seed: expected a whole number/],
  [['train', '--objective', ''], /--objective: expected a value/],
  [['compare', '--seeds', ''], /--seeds: expected whole numbers/],
  [['compare', '--objectives', ''], /--objectives: expected some of/],
  [['compare', '--pictures', ''], /--pictures: expected a value/],
  [['compare', '--jobs='], /--jobs: expected a whole number/],
  [['train', '--out', 'a', '--out', 'b'], /--out: given twice/],
  [['train', '--set', 'steps'], /expected key=value/],
  // Numbers that are none.
  ...['0x10', ' 5', '5px', 'NaN', 'Infinity', '-1', '0', '1.5', '1e99', HUGE, '9'.repeat(500), '1\n2'].map(
    (value) =>
      [['train', '--steps', value], /--steps: expected a whole number from 1 to 10,000,000, got/] as const,
  ),
  [['train', '--learning-rate', 'fast'], /--optimizer\.learningRate: expected a number/],
  [['train', '--seed', '1.5'], /--seed: expected a whole number/],
  [['train', '--seed', '1e99'], /--seed: expected a whole number/],
  [['compare', '--seeds', '3-1'], /no range/],
  [['compare', '--seeds', '1-2-3'], /no range/],
  [['compare', '--seeds', '0-5000000'], /5,000,001 numbers; the limit is 1,000/],
  [['compare', '--seeds', '-1'], /--seeds: /],
  [['compare', '--seeds', 'x'], /--seeds: expected whole numbers/],
  [['compare', '--jobs', '0'], /--jobs: expected a whole number from 1 to 256/],
  [['compare', '--jobs', '1e99'], /--jobs: expected a whole number from 1 to 256/],
  // Sizes beyond all reason.
  [['train', '--model.width', HUGE], /--model\.width: expected a whole number from 1 to/],
  [['train', '--model.layers', HUGE], /--model\.layers: expected a whole number from 1 to/],
  [
    ['train', '--model.width', '1000000', '--model.heads', '1', '--model.layers', '1000'],
    /parameters; the limit/,
  ],
  [['train', '--batch', HUGE], /--batch: expected a whole number from 1 to 65,536/],
  [['train', '--evaluation.questions', HUGE], /from 0 to 100,000/],
  [['train', '--mutor.maxOffset', HUGE], /from 1 to 4,096/],
  [['train', '--mtp.heads', HUGE], /from 1 to 256/],
  [['train', '--task.names', HUGE], /from 2 to 1,000,000/],
  [['train', '--task.length', HUGE], /from 2 to 1,000/],
  [generate('--max-tokens', HUGE), /--max-tokens: expected a whole number from 0 to/],
  [generate('--batch', HUGE), /--batch: expected a whole number from 1 to/],
  [generate('--top-k', '1e99'), /--top-k: expected a whole number/],
  [generate('--top-p', '0'), /--top-p: expected a number above 0/],
  [generate('--top-p', '2'), /--top-p: expected a number from 0 to 1/],
  [generate('--temperature', 'Infinity'), /--temperature: expected a number/],
  [generate('--draft', 'registrs', '--draft-from', 'x'), /--draft: .*Did you mean registers\?/],
  [generate('--stop', ''), /--stop: expected a value/],
  [evaluate('--resamples', HUGE), /--resamples: expected a whole number from 1 to 100,000/],
  [evaluate('--limit', '0'), /--limit: expected a whole number/],
  [evaluate('--shots', HUGE), /--shots: expected a whole number/],
  [evaluate('--window', HUGE), /--window: expected a whole number/],
  [['evaluate', '--model', 'x', '--task', 'gsm9k'], /gsm8k/],
  [['images', 'tokens', 'mnist', '--codes', HUGE], /--codes: expected a whole number from 2 to/],
  [['images', 'tokens', 'mnist', '--rounds', HUGE], /--rounds: expected/],
  [['images', 'generate', '--run', 'x', '--each', HUGE], /--each: expected/],
  [['images', 'generate', '--run', 'x', '--classes', '0-99999'], /the limit is/],
  [['images', 'evaluate', '--run', 'x', '--samples', HUGE], /--samples: expected/],
  [['bench', 'matmul', '--m', HUGE, '--k', '1', '--n', '1'], /m: expected a whole number/],
  [['bench', 'elementwise', '--rows', HUGE], /--rows: expected a whole number/],
  [['bench', 'step', '--width', HUGE], /--width: expected a whole number/],
  [['bench', 'scaling', '--contexts', '1,2,x'], /--contexts: expected a whole number/],
  [['bench', 'scaling', '--widths', HUGE], /--widths: expected a whole number/],
  [['bench', 'soak', '--steps', '1'], /--steps: expected a whole number/],
  [['tune', '--seconds', HUGE], /--seconds: expected/],
  // Names and files.
  [['train', '--recipe', 'star-grap', '--steps', '1'], /no recipe "star-grap"\. Did you mean star-graph\?/],
  [['train', '--recipe', '__proto__'], /no recipe "__proto__"/],
  [['train', '--recipe', 'a\nb'], /no recipe "a\\nb"/],
  [['train', '--task', 'mnit'], /Did you mean mnist\?/],
  [['train', '--objective', 'mtr'], /Did you mean mtp\?|expected one of/],
  [['compare', '--objectives', 'ntp,mutr'], /Did you mean mutor\?/],
  [['compare', '--study', 'storie'], /Did you mean stories\?/],
  [['compare', '--study', 'stories', '--objectives', 'ntp'], /has its own/],
  [['recipes', 'star-grap'], /Did you mean star-graph\?/],
  [['studies', 'storie'], /Did you mean stories\?/],
  [['train', '--recipe', '/dev/zero'], /it is a device, not a file/],
  [['train', '--recipe', './nowhere.yaml'], /there is no such file/],
  [['train', '--recipe', '../files/null.yaml'], /expected settings, name: value, got null/],
  [['train', '--recipe', '../files/list.yaml'], /got a list of 1/],
  [['train', '--recipe', '../files/up.yaml'], /name: expected letters/],
  [['train', '--recipe', '../files/deep.json'], /nested deeper/],
  [['train', '--recipe', '../files/'], /it is a folder/],
  [['compare', '--study', '../files/study.yaml'], /variants\.0\.name: expected letters/],
  [['compare', '--study', '../files/measure.yaml'], /measure: no setting "anything"/],
  [['compare', '--study', '/dev/zero'], /it is a device/],
  [generate('--prompts', '/dev/zero'), /give one of the two/],
  [['train', '--sink', '/dev/zero'], /no such file/],
  [['compare', '--out', '/dev/null/x'], /cannot make the folder/],
  [['compare', '--pictures', '/dev/null/x'], /cannot make the folder/],
  [['report', 'nowhere'], /there is no folder "?nowhere/],
];

describe('command lines that make no sense', () => {
  it.each(commands)('%j', async (args, message) => {
    const { said, printed } = await outcome(args);
    expect(said).toMatch(message);
    expect(said.trim().split('\n')).toHaveLength(1);
    expect(said).not.toMatch(/\n {4}at |unexpected error|value: /);
    expect(said.length).toBeLessThan(1500);
    expect(printed).toBe('');
    expect(readdirSync(empty)).toEqual([]);
  });
});
