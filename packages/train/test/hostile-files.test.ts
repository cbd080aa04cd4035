import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadRecipe, loadStudy, overrideRecipe, parseRecipe, parseStudy, RecipeError } from '../src/index.js';
import { nameOfFile } from '../src/plain-name.js';

const scratch = mkdtempSync(join(tmpdir(), 'foretoken-hostile-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const minimal = 'base: star-graph\n';
const deep = (open: string, close: string, levels: number): string =>
  open.repeat(levels) + close.repeat(levels);

/** Nine lists of nine aliases each: 9 ** 9 values of a text of a few lines. */
const bomb = Array.from({ length: 9 }, (_, level) => {
  const item = level === 0 ? 'x' : `*a${level - 1}`;
  return `a${level}: &a${level} [${Array(9).fill(item).join(', ')}]`;
}).join('\n');

const files: readonly (readonly [name: string, contents: string | Buffer, message: RegExp])[] = [
  ['null.yaml', 'null', /expected settings, name: value, got null/],
  ['list.yaml', '[1, 2]', /got a list of 2/],
  ['text.yaml', 'hello', /got "hello"/],
  ['number.json', '5', /got 5/],
  ['empty.json', '', /is empty/],
  ['binary.yaml', Buffer.from([0xff, 0xfe, 0x00, 0xd8]), /is not UTF-8 text/],
  ['cut.json', '{"base": "star-graph", ', /is not valid JSON/],
  ['deep.yaml', `task: ${deep('[', ']', 100_000)}`, /nested deeper than 50 levels/],
  ['deep-list.yaml', `task: \n  ${'- '.repeat(100_000)}x`, /nested deeper than 50 levels|aliases|deep/],
  ['deep.json', `{"task": ${deep('[', ']', 100_000)}}`, /nested deeper than 50 levels/],
  ['bomb.yaml', bomb, /alias/],
  ['large.yaml', `${minimal}# ${'x'.repeat(2 ** 20)}`, /has 1,048,\d+ bytes; the limit is 1,048,576/],
  ['set.yaml', `${minimal}task: !!set { a, b }`, /set.yaml:2: .*tag/i],
  ['tag.yaml', `${minimal}steps: !!binary aGVsbG8=`, /tag/i],
  ['code.yaml', `${minimal}steps: !!js/function "() => 1"`, /tag/i],
  ['two.yaml', '---\nsteps: 1\n---\nsteps: 2', /multiple documents/i],
  ['twice.yaml', `${minimal}steps: 1\nsteps: 2`, /unique/i],
  ['prototype.yaml', `${minimal}__proto__: { steps: 1 }`, /"__proto__"/],
  ['inner-prototype.yaml', `${minimal}optimizer: { __proto__: { clip: 5 } }`, /"__proto__"/],
  ['prototype.json', '{"base": "star-graph", "__proto__": {"steps": 1}}', /"__proto__"/],
  ['merge.yaml', `${minimal}<<: { steps: 1 }`, /no setting "<<"/],
  ['key.yaml', `${minimal}? { a: b }\n: 1`, /no setting/],
  ['up.yaml', `${minimal}name: ../../../x`, /name: expected letters, digits/],
  ['slash.yaml', `${minimal}name: a/b`, /name: expected letters, digits/],
  ['dots.yaml', `${minimal}name: ..`, /name: expected letters, digits/],
  ['long.yaml', `${minimal}name: ${'x'.repeat(300)}`, /name: .*100/],
  ['title.yaml', `${minimal}title: "a\\nb"`, /title: expected text of one line/],
  ['steps.yaml', `${minimal}steps: 1000000000`, /steps: .*10000000/],
  ['infinite.yaml', `${minimal}steps: .inf`, /steps: /],
  ['batch.yaml', `${minimal}batch: 1e9`, /batch: .*65536/],
  ['key-lines.yaml', `${minimal}"a\\nb": 1`, /no setting "a\\nb"/],
  ['base.yaml', 'base: [1]', /base: expected the name of a recipe/],
];

describe('recipe files that no recipe is in', () => {
  it.each(files)('refuses %s in one line', (name, contents, message) => {
    const path = join(scratch, name);
    writeFileSync(path, contents);
    for (const load of [loadRecipe, loadStudy]) {
      let problem: unknown;
      try {
        load(path);
      } catch (error) {
        problem = error;
      }
      expect(problem).toBeInstanceOf(Error);
      const told = (problem as Error).message;
      expect(told).not.toMatch(/\n/);
      expect(told.length).toBeLessThan(1500);
      if (load === loadRecipe) expect(told).toMatch(message);
    }
  });

  it('reads nothing that is no file', () => {
    expect(() => loadRecipe(scratch)).toThrow(/it is a folder, not a file/);
    if (process.platform === 'win32') return;
    expect(() => loadRecipe('/dev/zero')).toThrow(/it is a device, not a file/);
    const pipe = join(scratch, 'pipe.yaml');
    execFileSync('mkfifo', [pipe]);
    expect(() => loadRecipe(pipe)).toThrow(/it is a pipe, not a file/);
  });

  it('names a recipe by its file, without what no folder can be called', () => {
    expect(nameOfFile('/a/b/my recipe (2).yaml')).toBe('my-recipe-2-');
    expect(nameOfFile('../..yaml')).toBe('recipe');
    const path = join(scratch, '.. up.yaml');
    writeFileSync(path, minimal);
    expect(loadRecipe(path).name).toBe('up');
    expect(existsSync(join(scratch, '..', 'x'))).toBe(false);
  });
});

describe('names of a study', () => {
  const study = {
    name: 's',
    recipe: parseRecipe(loadRecipe(writeRecipe())),
    variants: [{ name: 'a', objective: 'ntp' }],
  };
  function writeRecipe(): string {
    const path = join(scratch, 'plain.yaml');
    writeFileSync(path, minimal);
    return path;
  }

  it.each([
    [{ name: '../x' }, /name: expected letters/],
    [{ variants: [{ name: '../x', objective: 'ntp' }] }, /variants\.0\.name: expected letters/],
    [{ variants: [{ name: 'a', objective: '../x' }] }, /objective: expected one of/],
    [{ datasets: [{ name: '/etc' }] }, /datasets\.0\.name: expected letters/],
    [{ seeds: [-1] }, /seeds\.0/],
    [{ seeds: [1e21] }, /seeds\.0/],
    [{ seeds: Array(2000).fill(1) }, /seeds/],
  ])('refuses %j', (change, message) => {
    expect(() => parseStudy({ ...study, ...change })).toThrow(message);
  });
});

describe('overrides of settings', () => {
  const recipe = loadRecipe(
    (() => {
      const path = join(scratch, 'base-of-overrides.yaml');
      writeFileSync(path, 'base: tinystories\n');
      return path;
    })(),
  );

  it('takes texts as they are, also where they look like numbers', () => {
    const { model, task } = overrideRecipe(recipe, [
      'model.from=500',
      'task.column=true',
      'task.files.train=1e3',
      'task.separator=\\n\\n',
    ]);
    expect(model['from']).toBe('500');
    expect(task).toMatchObject({ column: 'true', separator: '\n\n', files: { train: '1e3' } });
    expect(overrideRecipe(recipe, ['task.separator=null']).task['separator']).toBeNull();
    expect(overrideRecipe(recipe, ['task.files.train=["a", "b"]']).task['files']).toMatchObject({
      train: ['a', 'b'],
    });
  });

  it('reads numbers as people write them', () => {
    const { optimizer, steps } = overrideRecipe(recipe, ['steps=1e2', 'optimizer.learningRate=.0001']);
    expect([steps, optimizer.learningRate]).toEqual([100, 1e-4]);
  });

  it.each([
    ['steps=', /--steps: expected a value/],
    ['steps=5px', /--steps: expected a whole number from 1 to 10,000,000, got "5px"/],
    ['steps=0x10', /--steps: expected a whole number/],
    ['steps= 5', /--steps: expected a whole number/],
    ['steps=1e9', /--steps: expected a whole number from 1 to 10,000,000/],
    ['batch=1e99', /--batch: expected a whole number from 1 to 65,536/],
    ['optimizer.learningRate=NaN', /--optimizer\.learningRate: expected a number/],
    ['optimizer.learningRate=Infinity', /--optimizer\.learningRate: expected a number/],
    ['steps=two\nlines', /got "two\\nlines"/],
    ['two\nlines=1', /no setting "two\\nlines"/],
    ['__proto__=1', /no setting "__proto__"/],
    [`steps=${'9'.repeat(10_000)}`, /--steps: expected .*\(10,000 characters\)/],
    ['evaluation.questions=1e9', /from 0 to 100,000/],
    ['mutor.maxOffset=1e9', /from 1 to 4,096/],
    ['mtp.heads=1e9', /from 1 to 256/],
    ['task.time=1e9', /from 2 to 1,048,576/],
  ])('refuses %j', (override, message) => {
    expect(() => overrideRecipe(recipe, [override])).toThrow(RecipeError);
    expect(() => overrideRecipe(recipe, [override])).toThrow(message);
    expect(() => overrideRecipe(recipe, [override])).not.toThrow('\n');
  });

  it.each([
    ['width', '1e9'],
    ['layers', '1e9'],
    ['heads', '1e9'],
  ])('refuses a model with %s of %s', (name, size) => {
    const star = parseRecipe({ ...recipe, task: { kind: 'corpus' }, model: {} });
    expect(() => overrideRecipe(star, [`model.${name}=${size}`])).toThrow(
      /expected a whole number from 1 to/,
    );
  });

  it('refuses a model by its number of parameters', () => {
    const star = parseRecipe({ ...recipe, task: { kind: 'corpus' }, model: {} });
    const large = ['model.width=1000000', 'model.heads=1', 'model.layers=1000'];
    expect(() => overrideRecipe(star, large)).toThrow(
      /1,000 layers of width 1,000,000 has [\d,]+ parameters; the limit is 100,000,000,000/,
    );
  });
});
