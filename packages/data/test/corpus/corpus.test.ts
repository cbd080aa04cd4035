import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CorpusOptions, CorpusTask, packDocuments, TaskConfigError } from '../../src/index.js';
import { recordsOf } from '../support/records.js';
import { gpt2, llama2 } from '../support/tokenizers.js';

describe('packDocuments', () => {
  it('lays documents one behind the other, and repeats the last token of a row that a document outgrows', () => {
    const { rows, tokens, documents, lengths } = packDocuments(
      [
        [1, 2, 3],
        [4, 5, 6, 7, 8],
        [9, 10],
      ],
      4,
    );
    expect(rows).toBe(3);
    expect(Array.from(tokens)).toEqual([1, 2, 3, -1, 4, 5, 6, 7, 7, 8, 9, 10]);
    expect(Array.from(documents)).toEqual([0, 0, 0, -1, 1, 1, 1, 1, 1, 1, 2, 2]);
    expect(Array.from(lengths)).toEqual([3, 4, 4]);
  });

  it('leaves out documents with nothing to predict', () => {
    expect(packDocuments([[], [1], [2, 3]], 4)).toMatchObject({ rows: 1, lengths: Int32Array.of(2) });
    expect(packDocuments([], 4)).toMatchObject({ rows: 0 });
  });

  it('predicts every token but the first of a document exactly once', () => {
    const corpora = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 12 });
    fc.assert(
      fc.property(corpora, fc.integer({ min: 2, max: 11 }), (sizes, time) => {
        let next = 0;
        const given = sizes.map((size) => Array.from({ length: size }, () => next++));
        const { rows, tokens, documents } = packDocuments(given, time);
        const predicted: [number, number][] = [];
        for (let at = 0; at < rows * time - 1; at++) {
          const sameRow = Math.floor(at / time) === Math.floor((at + 1) / time);
          if (sameRow && documents[at] === documents[at + 1] && (documents[at] as number) >= 0) {
            predicted.push([tokens[at] as number, tokens[at + 1] as number]);
          }
        }
        const expected = given.flatMap((document) => document.slice(1).map((id) => [id - 1, id]));
        expect(predicted).toEqual(expected);
      }),
    );
  });
});

const stories = Array.from({ length: 20 }, (_, at) => `Story ${at}.\n${'the '.repeat(at)}end`);
const options: CorpusOptions = { time: 32, validationShare: 0.1, seed: 1 };
const sources = {
  tokenizer: llama2(),
  train: recordsOf([{ text: stories.join('\n<|endoftext|>\n') }], 'stories.txt'),
};

describe('CorpusTask', () => {
  const task = new CorpusTask(options, sources);
  const rowsOf = (split: 'train' | 'validation') => {
    const rows = task.exampleCount(split);
    const { tokens, time, documents } = task.batch(split, 0, rows);
    return Array.from({ length: rows }, (_, row) => ({
      ids: Array.from(tokens.subarray(row * time, (row + 1) * time)).filter((id) => id >= 0),
      documents: Array.from((documents as Int32Array).subarray(row * time, (row + 1) * time)),
    }));
  };

  it('cuts text into documents, begun and ended by their tokens', () => {
    expect(task.reports.train.documents).toBe(18);
    expect(task.reports.validation.documents).toBe(2);
    const [first] = rowsOf('validation');
    expect(first?.ids[0]).toBe(task.tokenizer.beginToken);
    const begins = rowsOf('train').flatMap(({ ids }) => ids.filter((id) => id === 1));
    const ends = rowsOf('train').flatMap(({ ids }) => ids.filter((id) => id === 2));
    expect(begins).toHaveLength(18);
    // The token that ends a row and a document begins no other row.
    expect(ends).toHaveLength(18);
  });

  it('does not begin documents of GPT-2, whose tokenizer does not', () => {
    const { tokens } = new CorpusTask(options, { ...sources, tokenizer: gpt2() }).batch('validation', 0, 1);
    expect(gpt2().decode([tokens[0] as number])).toBe('S');
  });

  it('holds whole documents out, by seed', () => {
    const other = new CorpusTask({ ...options, heldOutSeed: 1 }, sources);
    expect(other.batch('validation', 0, 1)).not.toEqual(task.batch('validation', 0, 1));
    const again = new CorpusTask({ ...options, seed: 9 }, sources);
    expect(again.batch('validation', 0, 1)).toEqual(task.batch('validation', 0, 1));
  });

  it('goes through all rows in each epoch, in an order of seed and epoch alone', () => {
    const rows = task.exampleCount('train');
    const epoch = (number: number) =>
      Array.from({ length: rows }, (_, row) => String(task.batch('train', number * rows + row, 1).tokens));
    expect(new Set(epoch(0))).toEqual(new Set(epoch(1)));
    expect(epoch(0)).not.toEqual(epoch(1));
    const again = new CorpusTask(JSON.parse(JSON.stringify(task.config)), sources);
    expect(again.batch('train', 17, 3)).toEqual(task.batch('train', 17, 3));
    expect(task.batchesPerEpoch('train', 4)).toBe(Math.ceil(rows / 4));
  });

  it('holds the end of a single document out, from a line on', () => {
    const lines = Array.from({ length: 100 }, (_, at) => `line ${at}`).join('\n');
    const one = new CorpusTask(options, { ...sources, train: recordsOf([{ text: lines }]) });
    const { tokens, lengths } = one.batch('validation', 0, 1);
    expect(one.decode(tokens.subarray(0, lengths[0]))).toMatch(/^line 9\d\n/);
    expect(one.reports.train.documents).toBe(1);
  });

  it('holds validation and test out of one text, the test at its very end', () => {
    const lines = Array.from({ length: 100 }, (_, at) => `line ${at}`).join('\n');
    const shares = { ...options, validationShare: 0.1, testShare: 0.2 };
    const one = new CorpusTask(shares, { ...sources, train: recordsOf([{ text: lines }]) });
    const textOf = (split: 'train' | 'validation' | 'test'): string => {
      const rows = one.exampleCount(split);
      const parts = Array.from({ length: rows }, (_, row) => {
        const { tokens, lengths } = one.batch(split, row, 1);
        // A row goes on with the last token of the row before; training rows come in another order.
        return [...tokens.subarray(row === 0 ? 0 : 1, lengths[0])];
      });
      return one.decode(parts.flat());
    };
    expect(textOf('validation')).toMatch(/^line 7\d\n[\s\S]*line [78]\d$/);
    expect(textOf('test')).toMatch(/^line [78]\d\n[\s\S]*line 99$/);
    const numbers = [...`${textOf('validation')}\n${textOf('test')}`.matchAll(/\d+/g)].map(Number);
    expect(numbers).toEqual(numbers.map((_, at) => (numbers[0] as number) + at));
  });

  it('holds test documents out before validation, each a share of all', () => {
    const held = new CorpusTask({ ...options, validationShare: 0.1, testShare: 0.4 }, sources);
    const documents = (split: 'train' | 'validation' | 'test') => held.reports[split].documents;
    expect([documents('train'), documents('validation'), documents('test')]).toEqual([10, 2, 8]);
    const given = new CorpusTask({ ...options, testShare: 0.4 }, { ...sources, test: sources.train });
    expect(given.reports.test.documents).toBe(20);
  });

  it('makes documents of several columns by a template', () => {
    const records = [
      { question: 'one', answer: 'two' },
      { question: 'three', answer: 'four' },
    ];
    const settings = { ...options, template: 'Q: {question}\nA: {answer}', validationShare: 0 };
    const made = new CorpusTask(settings, { ...sources, train: recordsOf(records) });
    const { tokens, lengths } = made.batch('train', 0, 1);
    expect(made.decode(tokens.subarray(0, lengths[0]))).toContain('Q: one\nA: two');
    expect(made.reports.train.documents).toBe(2);
  });

  it('gives the same rows in the order of another seed', () => {
    const other = task.withSeed(9);
    expect(other.batch('train', 3, 2)).toEqual(
      new CorpusTask({ ...options, seed: 9 }, sources).batch('train', 3, 2),
    );
    expect(other.config.seed).toBe(9);
  });

  it('asks no questions, and says what became of the text', () => {
    expect('questions' in task).toBe(false);
    expect(task.metrics).toEqual([]);
    expect(task.describeReports()[0]).toMatch(/^train: 18 documents, \d+ tokens in \d+ rows of 32\.$/);
  });

  it.each([
    [{ tiem: 5 }, sources, "text corpus: unknown setting 'tiem', did you mean 'time'?"],
    [{ time: 1 }, sources, 'text corpus: time: '],
    [{ template: 'no column' }, sources, 'names no column'],
    [{ testShare: 0.5, validationShare: 0.5 }, sources, 'hold out more than 0.9 together'],
    [{ template: '{txt}' }, sources, "stories.txt:1: no column 'txt'; did you mean 'text'?"],
    [{ time: 4096 }, sources, 'text corpus: time 4096 exceeds the context of the model, 2048 tokens'],
    [{ column: 'txt' }, sources, "stories.txt:1: no column 'txt'; did you mean 'text'?"],
    [{}, { ...sources, train: recordsOf([{ text: ' \n' }]) }, 'text corpus: there is no training text'],
  ])('explains what is wrong with %j', (wrong, given, message) => {
    expect(() => new CorpusTask(wrong as CorpusOptions, given)).toThrow(message);
  });

  it('names a split that is not there', () => {
    expect(() => task.batch('test', 0, 1)).toThrow('text corpus: there is no test text. Give files.test.');
    expect(() => new CorpusTask({ beginToken: true, time: 0 }, sources)).toThrow(TaskConfigError);
  });
});
