import { describe, expect, it } from 'vitest';
import { findRecipe, overrideRecipe, parseRecipe, RecipeError, recipes, settingKeys } from '../src/index.js';

const recipe = findRecipe('star-graph');

describe('recipes', () => {
  it('ships those of the study, the default first, and one that fine-tunes', () => {
    expect(recipes.map(({ name, steps }) => [name, steps])).toEqual([
      ['star-graph', 2000],
      ['star-graph-paper', 5000],
      ['star-graph-long', 4000],
      ['tinystories', 300],
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

  it('shortens the warm-up to the run', () => {
    expect(overrideRecipe(recipe, ['steps=20']).optimizer.warmupSteps).toBe(20);
  });

  it.each([
    ['stepz=3', /no setting "stepz". Did you mean steps\?/],
    ['mutor.maxOfset=1', /Did you mean mutor.maxOffset\?/],
    ['steps', /expected key=value/],
    ['steps=-1', /steps: /],
    ['task.degree=9', /recipe star-graph, task: /],
    ['mutor.maxOffset=0', /mutor: maxOffset/],
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
