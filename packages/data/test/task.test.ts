import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  SPLITS,
  type StarGraphOptions,
  StarGraphTask,
  starGraphSettings,
  TaskUsageError,
} from '../src/index.js';

const r1 = starGraphSettings['star-graph'];
const splits = fc.constantFrom(...SPLITS);
const formats = fc.constantFrom('token', 'edge');
const targets = fc.constantFrom('forward', 'reversed');

describe('batches', () => {
  it('are pure functions of settings, split and step, in whatever order they are asked for', () => {
    const property = fc.property(
      fc.record({
        seed: fc.nat(),
        format: formats,
        target: targets,
        trainingExamples: fc.constantFrom(null, 5, 33),
      }),
      splits,
      fc.nat(10_000),
      (variant, split, step) => {
        const options: StarGraphOptions = { degree: 2, length: 3, names: 7, ...variant };
        const used = new StarGraphTask(options);
        for (const other of SPLITS) used.batch(other, step + 3, 4);
        used.batch('train', 0, 64);
        expect(used.batch(split, step, 8)).toEqual(new StarGraphTask(options).batch(split, step, 8));
      },
    );
    fc.assert(property, { numRuns: 50 });
  });

  it('stay the same from version to version', () => {
    // Stored runs and published figures depend on these bits. A change here needs a note to users.
    const { tokens } = new StarGraphTask({ ...starGraphSettings['star-graph-paper'], seed: 1 }).batch(
      'train',
      3,
      1,
    );
    expect(Array.from(tokens).join(' ')).toMatchInlineSnapshot(
      `"5 2 10 4 5 10 6 9 10 0 8 10 0 4 10 8 6 12 0 9 11 0 8 6 9"`,
    );
  });

  it('hold the example that the documentation shows', () => {
    const edge = new StarGraphTask(r1).describe('test', 0);
    const token = new StarGraphTask(starGraphSettings['star-graph-paper']).describe('test', 0);
    expect(`${edge.prompt} ${edge.answer}`).toBe('5-4 2-3 7-0 0-2 7-5 4-8 / 7 3 = 7 0 2 3');
    expect(`${token.prompt} ${token.answer}`).toBe('5 4 | 2 3 | 7 0 | 0 2 | 7 5 | 4 8 / 7 3 = 7 0 2 3');
  });

  it('are cuts of one stream of examples: two of size 8 are one of size 16', () => {
    const task = new StarGraphTask(r1);
    const [first, second, both] = [
      task.batch('train', 6, 8),
      task.batch('train', 7, 8),
      task.batch('train', 3, 16),
    ];
    expect([...first.tokens, ...second.tokens]).toEqual([...both.tokens]);
  });

  it('differ by step, split and seed', () => {
    const task = new StarGraphTask(r1);
    const other = new StarGraphTask({ ...r1, seed: 1 });
    const batches = [
      task.batch('train', 0, 4),
      task.batch('train', 1, 4),
      task.batch('validation', 0, 4),
      task.batch('test', 0, 4),
      other.batch('train', 0, 4),
    ];
    expect(new Set(batches.map((batch) => batch.tokens.join())).size).toBe(batches.length);
  });

  it('hold out the same questions whatever the seed of the training examples', () => {
    const [a, b] = [new StarGraphTask({ ...r1, seed: 1 }), new StarGraphTask({ ...r1, seed: 2 })];
    expect(a.batch('test', 2, 16)).toEqual(b.batch('test', 2, 16));
    expect(a.batch('validation', 2, 16)).toEqual(b.batch('validation', 2, 16));
    const reseeded = new StarGraphTask({ ...r1, heldOutSeed: 1 });
    expect(reseeded.batch('test', 2, 16)).not.toEqual(a.batch('test', 2, 16));
  });

  it.each([
    [
      () => new StarGraphTask(r1).batch('train', -1, 4),
      'batch: step: expected an integer of at least 0, got -1',
    ],
    [
      () => new StarGraphTask(r1).batch('train', 0, 0),
      'batch: size: expected an integer of at least 1, got 0',
    ],
    [
      () => new StarGraphTask(r1).questions('test', 0, 1.5),
      'questions: count: expected an integer of at least 1',
    ],
    [
      () => new StarGraphTask(r1).example('dev' as 'test', 0),
      'unknown split "dev". Use one of train, validation, test',
    ],
    [
      () => new StarGraphTask({ ...r1, testShare: 0 }).batch('test', 0, 1),
      'its share is 0). Raise testShare or names',
    ],
    [
      () =>
        new StarGraphTask({ degree: 1, length: 2, names: 2, format: 'edge', testShare: 0.001 }).example(
          'test',
          0,
        ),
      'the test split owns none of the 2 graphs (its share is 0.001)',
    ],
  ])('refuse what makes no sense: %s', (call, message) => {
    expect(call).toThrow(TaskUsageError);
    expect(call).toThrow(message);
  });
});

describe('a fixed training set', () => {
  const task = new StarGraphTask({ ...r1, trainingExamples: 20 });
  const rows = (first: number, count: number) =>
    Array.from({ length: count }, (_, place) => JSON.stringify(task.example('train', first + place)));

  it('comes once each epoch, in another order', () => {
    const [epoch0, epoch1, epoch2] = [rows(0, 20), rows(20, 20), rows(40, 20)];
    expect(new Set(epoch0).size).toBe(20);
    expect(epoch1.toSorted()).toEqual(epoch0.toSorted());
    expect(epoch2.toSorted()).toEqual(epoch0.toSorted());
    expect(epoch1).not.toEqual(epoch0);
    expect(epoch2).not.toEqual(epoch1);
  });

  it('is cut into batches across the borders of epochs', () => {
    const batch = task.batch('train', 2, 8);
    const alone = Array.from({ length: 8 }, (_, place) => task.batch('train', 16 + place, 1).tokens).flatMap(
      (t) => [...t],
    );
    expect([...batch.tokens]).toEqual(alone);
  });

  it('leaves the held-out examples alone', () => {
    expect(task.batch('test', 9, 8)).toEqual(new StarGraphTask(r1).batch('test', 9, 8));
  });
});
