import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { starGraphSettings } from '@foretoken/data';
import { afterAll, describe, expect, it } from 'vitest';
import {
  changeRecipe,
  findOrLoadStudy,
  flopsOf,
  overrideRecipe,
  parseRecipe,
  parseStudy,
  planRuns,
  recipeOfCell,
  type StudyDataset,
  type StudyVariant,
  stepsForFlops,
  studies,
  studyInFolder,
  studyOfObjectives,
} from '../src/index.js';

const scratch = mkdtempSync(join(tmpdir(), 'foretoken-study-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const fields = {
  name: 'rates',
  recipe: {
    task: { kind: 'corpus', time: 16 },
    objectives: { mutor: { maxOffset: 3 } },
    optimizer: { learningRate: 1e-3, warmupSteps: 10 },
    batch: 4,
    steps: 12,
  },
  variants: [
    { name: 'plain', objective: 'ntp' },
    { name: 'registers', title: 'Registers', objective: 'mutor', set: { optimizer: { learningRate: 2e-3 } } },
    { name: 'same-cost', objective: 'ntp', set: { optimizer: { schedule: 'constant' } } },
  ],
  datasets: [
    { name: 'a', set: { task: { files: { train: 'a.txt' } } } },
    {
      name: 'b',
      set: { task: { files: { train: 'b.txt' } }, optimizer: { learningRate: 5e-4 } },
      variants: { registers: { objectives: { mutor: { weight: 0.1 } } } },
    },
  ],
  seeds: [3, 4],
  budgets: ['steps', 'flops'],
};

/** For plans that need to know no costs. */
const refuse = () => Promise.reject(new Error('nobody should ask'));

describe('a study', () => {
  const study = parseStudy(fields);
  const cell = (variant: number, data: number) =>
    recipeOfCell(study, study.variants[variant] as StudyVariant, study.datasets[data] as StudyDataset);

  it('puts settings of the data on those of the recipe, then the variant’s, then its own on this data', () => {
    expect(cell(0, 0).optimizer.learningRate).toBe(1e-3);
    expect(cell(0, 1).optimizer.learningRate).toBe(5e-4);
    expect(cell(1, 1).optimizer.learningRate).toBe(2e-3);
    expect(cell(1, 0).objectives['mutor']).toEqual({ maxOffset: 3 });
    expect(cell(1, 1).objectives['mutor']).toEqual({ maxOffset: 3, weight: 0.1 });
    expect(cell(1, 1).task).toEqual({ kind: 'corpus', time: 16, files: { train: 'b.txt' } });
  });

  it('has titles and defaults', () => {
    const { seeds, budgets, datasets, ...rest } = fields;
    const plain = parseStudy(rest);
    expect(plain).toMatchObject({ title: 'rates', seeds: [0, 1, 2], budgets: ['steps'] });
    expect(plain.datasets).toEqual([{ name: '', title: '', set: {}, variants: {} }]);
    expect(plain.variants.map(({ title }) => title)).toEqual(['plain', 'Registers', 'same-cost']);
  });

  it.each([
    [{ variant: [] }, /no setting "variant"\. Did you mean variants\?/],
    [
      { variants: [{ name: 'x', objectiv: 'ntp' }] },
      /variants\.0: no setting "objectiv"\. Did you mean objective\?/,
    ],
    [
      { variants: [{ name: 'registers', objective: 'ntpp' }] },
      /rates, registers, a: objective: expected one of ntp/,
    ],
    [{ variants: [{ name: 'a/b', objective: 'ntp' }] }, /variants\.0\.name: expected letters/],
    [{ variants: [fields.variants[0], fields.variants[0]] }, /two are called plain/],
    [
      { variants: [{ name: 'registers', objective: 'ntp', set: { optimizer: { learningRat: 1 } } }] },
      /rates, registers, a: .*Did you mean learningRate\?/,
    ],
    [
      { datasets: [{ name: 'a', variants: { register: {} } }] },
      /datasets, a: no variant "register"\. Did you mean registers\?/,
    ],
    [{ budgets: ['seconds'] }, /budgets\.0/],
    [{ seeds: [] }, /seeds/],
  ])('refuses %j in one line', (changes, message) => {
    const make = () => parseStudy({ ...fields, ...changes });
    expect(make).toThrow(message);
    try {
      make();
    } catch (error) {
      expect((error as Error).message).not.toContain('\n');
    }
  });

  it('is read from a file, on a recipe that ships', () => {
    const file = join(scratch, 'weights.yaml');
    const variants = '[{ name: low, objective: mutor, set: { objectives: { mutor: { weight: 0.1 } } } }]';
    writeFileSync(file, `recipe: { base: star-graph, steps: 50 }\nvariants: ${variants}\n`);
    const read = findOrLoadStudy(file);
    expect(read).toMatchObject({ name: 'weights', recipe: { steps: 50, batch: 64 } });
    writeFileSync(file, 'recipe: { base: star-graph }\nvariants: [{ name: low, objectve: mutor }]\n');
    expect(() => findOrLoadStudy(file)).toThrow(/weights\.yaml: study: variants\.0.*Did you mean objective/);
    expect(() => findOrLoadStudy(join(scratch, 'nowhere.yaml'))).toThrow(
      /cannot read .*nowhere\.yaml: there is no such file/,
    );
    expect(() => findOrLoadStudy('storie')).toThrow(/no study "storie"\. Did you mean stories\?/);
  });

  it('takes overrides of the recipe, which may not fit', () => {
    const changed = changeRecipe(study, (recipe) => overrideRecipe(recipe, ['steps=7']));
    expect(recipeOfCell(changed, changed.variants[0] as StudyVariant).steps).toBe(7);
    expect(() => changeRecipe(study, (recipe) => ({ ...recipe, steps: 0 }))).toThrow(/study rates, plain, a/);
  });

  it('finds its files below a folder', () => {
    const moved = studyInFolder(study, '/data');
    const { task } = recipeOfCell(
      moved,
      moved.variants[0] as StudyVariant,
      moved.datasets[1] as StudyDataset,
    );
    expect(task['files']).toEqual({ train: '/data/b.txt' });
    const absolute = studyInFolder(moved, '/elsewhere');
    expect(absolute.datasets).toEqual(moved.datasets);
  });

  it('ships with recipes that hold', () => {
    for (const each of studies) expect(parseStudy(JSON.parse(JSON.stringify(each)))).toEqual(each);
  });
});

describe('budgets', () => {
  it('gives the steps whose FLOPs are nearest', () => {
    expect(flopsOf((step) => step + 1, 4)).toBe(10);
    // 3 + 3 + 3 = 9 is nearer to 10 than 12 is.
    expect(stepsForFlops(() => 3, 10)).toBe(3);
    expect(stepsForFlops(() => 3, 11)).toBe(4);
    // 6 and 9 are equally near to 7.5.
    expect(stepsForFlops(() => 3, 7.5)).toBe(2);
    expect(stepsForFlops((step) => step + 1, 10)).toBe(4);
    expect(stepsForFlops(() => 100, 10)).toBe(1);
  });

  it('plans a run for each cell, and one for both budgets where they agree', async () => {
    // Twelve steps of 10 are 120; of 25, four are 100 and five 125.
    const runs = await planRuns(
      parseStudy(fields),
      async (_, { objective }) =>
        () =>
          objective === 'ntp' ? 10 : 25,
    );
    const planned = runs.map(({ folder, budgets, recipe }) => [folder, budgets.join('+'), recipe.steps]);
    expect(planned.slice(0, 4)).toEqual([
      [join('a', 'plain-seed3'), 'steps+flops', 12],
      [join('a', 'registers-seed3'), 'steps', 12],
      [join('a', 'registers-5steps-seed3'), 'flops', 5],
      [join('a', 'same-cost-seed3'), 'steps+flops', 12],
    ]);
    expect(planned).toHaveLength(2 * 2 * 4);
    expect(new Set(planned.map(([folder]) => folder)).size).toBe(planned.length);
  });

  it('runs only the first seeds on data that says so', async () => {
    const [a, ...others] = fields.datasets;
    const study = parseStudy({
      ...fields,
      datasets: [{ ...a, firstSeeds: 1 }, ...others],
      budgets: ['steps'],
    });
    const runs = await planRuns(study, refuse);
    const seedsOn = (name: string) => [
      ...new Set(runs.filter(({ dataset }) => dataset === name).map(({ seed }) => seed)),
    ];
    expect(seedsOn('a')).toEqual(study.seeds.slice(0, 1));
    expect(seedsOn('b')).toEqual(study.seeds);
    expect(study.seeds.length).toBeGreaterThan(1);
  });

  it('does not ask for costs where steps alone count', async () => {
    const recipe = parseRecipe({ ...fields.recipe, task: starGraphSettings['star-graph'] });
    const runs = await planRuns(studyOfObjectives(recipe, ['ntp', 'mutor'], [0, 1]), refuse);
    expect(runs.map(({ folder }) => folder)).toEqual([
      'ntp-seed0',
      'mutor-seed0',
      'ntp-seed1',
      'mutor-seed1',
    ]);
  });
});
