import { describe, expect, it } from 'vitest';
import { DataFileError, type ImageTokens, ImageTokenTask, TaskUsageError } from '../../src/index.js';

/** Images whose tokens tell their number: image n has tokens (n + cell) mod codes and class n mod 10. */
function imagesOf(count: number, changes: Partial<ImageTokens> = {}): ImageTokens {
  const [height, width, codes, classes] = [2, 3, 8, 10];
  return {
    count,
    height,
    width,
    codes,
    classes,
    tokens: Int32Array.from({ length: count * 6 }, (_, at) => (Math.floor(at / 6) + (at % 6)) % codes),
    labels: Int32Array.from({ length: count }, (_, number) => number % 10),
    ...changes,
  };
}

const rowOf = ({ tokens, time }: { tokens: Int32Array; time: number }, row: number) => {
  const ids = tokens.subarray(row * time * 2, (row + 1) * time * 2);
  return {
    codes: Array.from(ids.filter((_, at) => at % 2 === 0)),
    classes: Array.from(ids.filter((_, at) => at % 2 === 1)),
  };
};

describe('ImageTokenTask', () => {
  const task = new ImageTokenTask(
    { validationShare: 0.1, seed: 3 },
    { train: imagesOf(400), test: imagesOf(20) },
  );

  it('is a class token, then the image row by row', () => {
    const batch = task.batch('test', 0, 20);
    expect(batch).toMatchObject({ batch: 20, time: 7, channels: 2, answerTime: 6 });
    expect(rowOf(batch, 13)).toEqual({ codes: [-1, 5, 6, 7, 0, 1, 2], classes: [3, -1, -1, -1, -1, -1, -1] });
    expect(Array.from(batch.prefixLengths)).toEqual(Array(20).fill(1));
    expect(Array.from(batch.lengths)).toEqual(Array(20).fill(7));
  });

  it('has a table of codes, one of classes, and says where the grid begins', () => {
    expect(task).toMatchObject({
      vocabularySize: 8,
      channelVocabularySizes: [11],
      maxTime: 7,
      noClass: 10,
      grid: { height: 2, width: 3, before: 1 },
    });
    expect(task.prompt(4)).toEqual([-1, 4]);
    expect(task.prompt()).toEqual([-1, 10]);
  });

  it('holds images out of the training set, and goes through the rest once an epoch in another order', () => {
    expect([task.exampleCount('train'), task.exampleCount('validation')]).toEqual([360, 40]);
    const epoch = (number: number) => task.batch('train', number, 360);
    const codesOf = (number: number) =>
      Array.from({ length: 360 }, (_, row) => String(rowOf(epoch(number), row).codes));
    expect(codesOf(0)).not.toEqual(codesOf(1));
    expect(codesOf(0).sort()).toEqual(codesOf(1).sort());
  });

  it('hides about a tenth of the classes in training, others in each epoch, and none in evaluation', () => {
    const hidden = (split: 'train' | 'validation' | 'test', step: number, size: number): number[] => {
      const batch = task.batch(split, step, size);
      return Array.from({ length: size }, (_, row) => row).filter(
        (row) => rowOf(batch, row).classes[0] === task.noClass,
      );
    };
    // 360 expected of 3600, standard deviation 18.
    expect(Math.abs(hidden('train', 0, 3600).length - 360)).toBeLessThan(90);
    expect(hidden('train', 0, 360)).not.toEqual(hidden('train', 1, 360));
    expect(hidden('train', 1, 360)).toEqual(hidden('train', 1, 360));
    expect(hidden('validation', 0, 40)).toEqual([]);
    expect(hidden('test', 0, 20)).toEqual([]);
    const never = new ImageTokenTask({ classDropout: 0 }, { train: imagesOf(100) });
    expect(
      new Set(Array.from({ length: 95 }, (_, row) => rowOf(never.batch('train', 0, 95), row).classes[0])),
    ).not.toContain(10);
  });

  it('keeps each image with its class', () => {
    const batch = task.batch('train', 0, 360);
    for (let row = 0; row < 360; row++) {
      const { codes, classes } = rowOf(batch, row);
      if (classes[0] === 10) continue;
      // Image n begins with n mod 8 and is of class n mod 10, so both have n's parity.
      expect((codes[1] as number) % 2).toBe((classes[0] as number) % 2);
    }
  });

  it('gives batches that depend on their number alone', () => {
    const again = new ImageTokenTask(task.config, { train: imagesOf(400), test: imagesOf(20) });
    expect(again.batch('train', 7, 16)).toEqual(task.batch('train', 7, 16));
  });

  it('takes images without classes', () => {
    const plain = new ImageTokenTask({}, { train: imagesOf(40, { classes: 0, labels: new Int32Array(0) }) });
    expect(plain.channelVocabularySizes).toEqual([1]);
    expect(rowOf(plain.batch('train', 0, 4), 2).classes[0]).toBe(0);
  });

  it.each([
    [{ tokens: new Int32Array(5) }, '5 tokens are not 40 images of 2 by 3'],
    [{ codes: 7 }, 'token 7 at 17; expected 0 to 6 (the codebook has 7 codes)'],
    [{ classes: 9 }, 'label 9 at 9; expected 0 to 8'],
    [{ labels: new Int32Array(3) }, '3 labels for 40 images of 10 classes; expected 40'],
    [{ count: 0, tokens: new Int32Array(0), labels: new Int32Array(0) }, 'there are no images'],
  ] as const)('refuses %j', (changes, message) => {
    const create = () => new ImageTokenTask({}, { train: imagesOf(40, changes) });
    expect(create).toThrow(DataFileError);
    expect(create).toThrow(message);
  });

  it('refuses splits of different tokenizers, and splits that are not there', () => {
    const other = imagesOf(20, { codes: 16 });
    expect(() => new ImageTokenTask({}, { train: imagesOf(40), test: other })).toThrow(
      'codes of the test images is 16, of the training images 8. Make both with one tokenizer.',
    );
    const create = new ImageTokenTask({}, { train: imagesOf(40) });
    expect(() => create.batch('test', 0, 4)).toThrow(TaskUsageError);
    expect(() => create.batch('test', 0, 4)).toThrow('there are no test images. Give files.test.');
  });
});
