import { describe, expect, it } from 'vitest';
import {
  parseStarGraphConfig,
  StarGraphTask,
  starGraphConfigSchema,
  starGraphSettings,
  TaskConfigError,
} from '../src/index.js';

const valid = { degree: 2, length: 4, names: 10, format: 'edge' };

describe('parseStarGraphConfig', () => {
  it('fills in the defaults', () => {
    expect(parseStarGraphConfig(valid)).toEqual({
      ...valid,
      target: 'forward',
      seed: 0,
      heldOutSeed: 0,
      trainingExamples: null,
      validationShare: 0.1,
      testShare: 0.1,
    });
  });

  it('gives back complete settings unchanged, so that a stored run makes the same task', () => {
    const complete = parseStarGraphConfig({ ...valid, seed: 7, trainingExamples: 200_000 });
    expect(parseStarGraphConfig(JSON.parse(JSON.stringify(complete)))).toEqual(complete);
  });

  it.each([
    [
      { ...valid, names: 6 },
      'star-graph: names: 6 names are too few: G(2, 4) has 2 * (4 - 1) + 1 = 7 nodes, and no name may repeat. ' +
        'Use at least 7 names.',
    ],
    [{ ...valid, lenght: 4 }, "star-graph: unknown setting 'lenght', did you mean 'length'?"],
    [
      { ...valid, validationShare: 0.5, testShare: 0.5 },
      'star-graph: testShare: validationShare 0.5 and testShare 0.5 leave no graph to train on. ' +
        'Their sum must be below 1.',
    ],
    [{ ...valid, testShare: 1e-9 }, 'star-graph: testShare: must be 0 or at least 0.001.'],
  ])('explains what is wrong with %j', (options, message) => {
    expect(() => parseStarGraphConfig(options)).toThrow(new TaskConfigError(message));
  });

  it.each([
    ['degree', 0],
    ['length', 1],
    ['length', 4.5],
    ['names', '10'],
    ['format', 'edges'],
    ['target', 'backward'],
    ['seed', -1],
    ['trainingExamples', 0],
    ['validationShare', -0.1],
  ])('names the setting when %s is %j', (key, value) => {
    expect(() => parseStarGraphConfig({ ...valid, [key]: value })).toThrow(TaskConfigError);
    expect(() => parseStarGraphConfig({ ...valid, [key]: value })).toThrow(`star-graph: ${key}: `);
  });

  it('lists every mistake at once', () => {
    expect(() => parseStarGraphConfig({ ...valid, degree: 0, format: 'edges' })).toThrow(
      /degree: .*; format: .*/,
    );
  });

  it('lists what is known when an unknown name is like none of them', () => {
    expect(() => parseStarGraphConfig({ ...valid, zzzzzzz: 1 })).toThrow(
      /'zzzzzzz', known are degree, length, /,
    );
  });
});

describe('starGraphSettings', () => {
  it.each([
    ['star-graph', { maxTime: 14, channels: 2, vocabularySize: 14 }],
    ['star-graph-paper', { maxTime: 25, channels: 1, vocabularySize: 14 }],
    ['star-graph-long', { maxTime: 17, channels: 2, vocabularySize: 14 }],
  ] as const)('%s makes a task', (name, expected) => {
    expect(new StarGraphTask({ ...starGraphSettings[name], seed: 2 })).toMatchObject(expected);
  });

  it('are valid for the exported schema', () => {
    for (const settings of Object.values(starGraphSettings)) {
      expect(starGraphConfigSchema.safeParse(settings).success).toBe(true);
    }
  });
});
