import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  findRecipe,
  loadRecipe,
  overrideRecipe,
  parseRecipe,
  RecipeError,
  recipes,
  settingKeys,
} from '../src/index.js';
import { decisive } from '../src/run/run-identity.js';

const recipe = findRecipe('star-graph');

describe('recipes', () => {
  it('ships those of the study, the default first, one that fine-tunes, and those of images', () => {
    expect(recipes.map(({ name, steps }) => [name, steps])).toEqual([
      ['star-graph', 2000],
      ['star-graph-paper', 5000],
      ['star-graph-long', 4000],
      ['tinystories', 120],
      ['shakespeare', 1000],
      ['mnist-tokens', 2000],
      ['fashion-mnist-tokens', 2000],
      ['mnist-vit', 3000],
      ['fashion-mnist-vit', 3000],
      ['cifar10-vit', 3000],
    ]);
  });

  it('suggests the nearest name', () => {
    expect(() => findRecipe('star-grap')).toThrow(
      /no recipe "star-grap". Did you mean star-graph\? There are star-graph,/,
    );
  });

  it('refuses a recipe with every problem named', () => {
    expect(() => parseRecipe({ ...recipe, batch: 0, steps: 'many' })).toThrow(/batch: .*steps: /);
  });
});

describe('recipes of text', () => {
  const text = { task: { kind: 'corpus' }, optimizer: { learningRate: 1e-4 }, batch: 4, steps: 10 };

  it('fills in what is left out', () => {
    const { optimizer, evaluation, logEvery } = parseRecipe(text);
    expect(optimizer).toMatchObject({ beta1: 0.9, weightDecay: 0, schedule: 'linear', accumulate: 1 });
    expect(evaluation).toEqual({ every: 250, keepCheckpoints: 2, questions: 0, finalQuestions: 0 });
    expect(logEvery).toBe(10);
  });

  it.each([
    [{ ...text, stepz: 3 }, /no setting "stepz". Did you mean steps\?/],
    [{ ...text, epochs: 2 }, /steps and epochs both say how long to train; give one of them/],
    [{ ...text, steps: undefined }, /give steps or epochs, how long to train/],
    [{ ...text, evaluation: { bestBy: 'last', patience: 2 } }, /patience waits for a better evaluation/],
    [
      { ...text, optimizer: { learningRat: 1 } },
      /optimizer: no setting "learningRat". Did you mean learningRate\?/,
    ],
    [{ ...text, task: { kind: 'corpis' } }, /task.kind: there is no kind "corpis". Did you mean corpus\?/],
    [{ ...text, task: { kind: 'corpus', tim: 3 } }, /unknown setting 'tim', did you mean 'time'\?/],
    [{ ...text, task: { kind: 'corpus', seed: 3 } }, /give seed, not task.seed/],
    [{ ...text, model: { from: 'a/b', width: 8 } }, /width cannot be set beside model.from/],
    [{ ...text, model: { widht: 8 } }, /model: no setting "widht". Did you mean width\?/],
    [{ ...text, model: { preset: 'lama' } }, /model.preset: expected one of attentionOnly, llama/],
    [{ ...text, objective: 'foo' }, /expected one of ntp, mtp/],
  ])('refuses %j', (input, message) => {
    expect(() => parseRecipe(input)).toThrow(message);
    expect(() => parseRecipe(input)).not.toThrow('\n');
  });
});

describe('recipe files', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'foretoken-recipe-'));
  afterAll(() => rmSync(scratch, { recursive: true }));
  const write = (name: string, contents: string): string => {
    writeFileSync(join(scratch, name), contents);
    return join(scratch, name);
  };

  it('reads YAML on top of a recipe that ships', () => {
    const path = write('mine.yaml', 'base: tinystories\nsteps: 7\ntask: { time: 32 }\n');
    const loaded = loadRecipe(path);
    expect(loaded).toMatchObject({
      name: 'mine',
      title: 'mine',
      steps: 7,
      batch: 8,
      model: { from: 'stories260K' },
    });
    expect(loaded.task).toMatchObject({ kind: 'corpus', time: 32 });
    expect(overrideRecipe(loaded, ['task.files.train=x.txt', 'model.from=y']).task['files']).toMatchObject({
      train: 'x.txt',
    });
  });

  it('reads JSON, and takes no model from a base with another kind of task', () => {
    const path = write('other.json', '{ "base": "star-graph", "task": { "kind": "corpus" } }');
    expect(loadRecipe(path)).toMatchObject({ task: { kind: 'corpus' }, model: {}, batch: 64 });
  });

  it.each([
    ['empty.yaml', '', /empty.yaml: the file is empty/],
    ['list.yaml', '- 1', /expected settings, name: value/],
    ['broken.yaml', 'steps: 3\nbatch: [1', /broken.yaml:\d/],
    ['unknown.yaml', 'base: tinystories\nstep: 3', /no setting "step". Did you mean steps\?/],
    ['base.yaml', 'base: tinystory', /no recipe "tinystory". Did you mean tinystories\?/],
  ])('refuses %s in one line', (name, contents, message) => {
    const path = write(name, contents);
    expect(() => loadRecipe(path)).toThrow(message);
    expect(() => loadRecipe(path)).not.toThrow('\n');
  });

  it('says that a file is missing', () => {
    expect(() => loadRecipe(join(scratch, 'no.yaml'))).toThrow(/no.yaml: there is no such file/);
  });
});

describe('overrides', () => {
  it('replaces settings of every section and leaves the recipe alone', () => {
    const changed = overrideRecipe(recipe, [
      'steps=200',
      'optimizer.learningRate=1e-3',
      'mutor.maxOffset=1',
      'model.layers=2',
      'task.names=12',
    ]);
    expect(changed.steps).toBe(200);
    expect(changed.optimizer.learningRate).toBe(1e-3);
    expect(changed.objectives['mutor']).toEqual({ ...recipe.objectives['mutor'], maxOffset: 1 });
    expect(changed.model['layers']).toBe(2);
    expect(changed.task['names']).toBe(12);
    expect(recipe.steps).toBe(2000);
  });

  it('replaces steps by epochs, and refuses both', () => {
    const text = findRecipe('tinystories');
    const byEpochs = overrideRecipe(text, ['epochs=1.5']);
    expect([byEpochs.steps, byEpochs.epochs]).toEqual([undefined, 1.5]);
    expect(overrideRecipe(byEpochs, ['steps=5'])).toMatchObject({ steps: 5 });
    expect(() => overrideRecipe(text, ['epochs=2', 'steps=5'])).toThrow(/give one of them/);
  });

  it('changes nothing that was not asked for', () => {
    expect(overrideRecipe(recipe, ['steps=20'])).toEqual({ ...recipe, steps: 20 });
  });

  it('takes a warm-up that is longer than the run for one as long as it', () => {
    const withWarmup = (warmupSteps: number) =>
      decisive(overrideRecipe(recipe, ['steps=20', `optimizer.warmupSteps=${warmupSteps}`]));
    expect(withWarmup(50)).toEqual(withWarmup(20));
    expect(withWarmup(19)).not.toEqual(withWarmup(20));
  });

  it.each([
    ['stepz=3', /no setting "stepz". Did you mean steps\?/],
    ['mutor.maxOfset=1', /Did you mean mutor.maxOffset\?/],
    ['steps', /expected key=value/],
    ['steps=-1', /steps: /],
    ['task.degree=9', /recipe star-graph, task: /],
    ['mutor.maxOffset=0', /--mutor\.maxOffset: expected a whole number from 1 to 4,096, got "0"/],
    ['name=x', /no setting "name"/],
  ])('refuses %s', (override, message) => {
    expect(() => overrideRecipe(recipe, [override])).toThrow(message);
  });

  it('takes every key that it lists', () => {
    expect(settingKeys(recipe)).toEqual(
      expect.arrayContaining(['steps', 'evaluation.every', 'mtp.heads', 'task.length']),
    );
    expect(RecipeError.name).toBe('RecipeError');
  });
});
