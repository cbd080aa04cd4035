import { findRecipe, overrideRecipe } from '@foretoken/train';
import { expect, it } from 'vitest';
import { runName } from '../src/run-name.js';

const shipped = findRecipe('star-graph');
const named = (...changes: string[]): string =>
  runName('star-graph', shipped, overrideRecipe(shipped, changes));

it('is that of the recipe where nothing was changed', () => {
  expect(named()).toBe('star-graph');
  expect(named(`steps=${shipped.steps}`)).toBe('star-graph');
});

it('leaves out where the data lies', () => {
  expect(runName('mnist-vit', { task: {} }, { task: { data: 'mnist' } })).toBe('mnist-vit');
});

it('tells what was chosen, in whatever order', () => {
  expect(named('steps=500', 'mutor.maxOffset=2')).toBe('star-graph-mutor.maxOffset=2-steps=500');
  expect(named('mutor.maxOffset=2', 'steps=500')).toBe('star-graph-mutor.maxOffset=2-steps=500');
  // Fewer than the warm-up of the recipe.
  expect(named('steps=40')).toBe('star-graph-steps=40');
});

it('differs wherever settings differ', () => {
  const names = [
    named(),
    named('steps=500'),
    named('steps=501'),
    named('model.width=32'),
    named('mutor.weight=0.5'),
    named('teacherless.weight=0.5'),
    named('mutor.weight=0.5', 'teacherless.weight=0.4'),
    named('mutor.weight=0.4', 'teacherless.weight=0.5'),
    runName('a', {}, { model: { from: 'x/stories' } }),
    runName('a', {}, { model: { from: 'y/stories' } }),
  ];
  expect(new Set(names).size).toBe(names.length);
});

it('is a plain name of bounded length', () => {
  const name = runName('text', {}, { model: { from: '../../etc/\u001b[31m', note: 'x'.repeat(1e5) } });
  expect(name).toMatch(/^[\w.=-]{1,80}$/);
});
