import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CorpusTask, TextTask } from '../../src/index.js';
import { type LoadTaskOptions, loadCorpusTask, loadTask, loadTextTask } from '../../src/node/index.js';
import { dataPath } from '../support/data-folder.js';
import { gpt2, llama2 } from '../support/tokenizers.js';

const folder = mkdtempSync(join(tmpdir(), 'foretoken-task-'));
afterAll(() => rmSync(folder, { recursive: true }));

const rows = Array.from({ length: 40 }, (_, at) => ({ question: `Number ${at}?`, answer: `#### ${at}` }));
const train = join(folder, 'train.jsonl');
writeFileSync(train, rows.map((row) => JSON.stringify(row)).join('\n'));

describe('loadTask', () => {
  it('makes a task of the files that settings name, and the same one from its config', async () => {
    const files = { train, test: [train, train] };
    const task = await loadTextTask({ preset: 'gsm8k', files, maxTime: 64 }, llama2());
    expect(task.reports.test.read).toBe(80);
    expect(task.config.files).toEqual({ train: [train], test: [train, train] });
    const again = await loadTask(JSON.parse(JSON.stringify(task.config)), llama2());
    expect(again).toBeInstanceOf(TextTask);
    expect(again.batch('train', 3, 8)).toEqual(task.batch('train', 3, 8));
  });

  it('makes running text of the preset text', async () => {
    const path = join(folder, 'text.txt');
    writeFileSync(path, 'one\n<|endoftext|>\ntwo\n<|endoftext|>\n');
    const task = await loadTask({ preset: 'text', files: { train: path }, time: 16 }, gpt2());
    expect(task).toBeInstanceOf(CorpusTask);
    expect(task.config.preset).toBe('text');
    expect(task.batch('train', 0, 1).documents).toBeDefined();
  });

  it.each([
    [{ preset: 'txt' }, 'text: there is no preset "txt"; did you mean \'text\'?'],
    [{ preset: 'gsm8k' }, "text: files is missing. Give at least { train: 'train.jsonl' }."],
    [{ preset: 'gsm8k', files: { train } }, 'text: tokenizer is missing.'],
    [
      { preset: 'gsm8k', files: { train }, tokenizer: join(folder, 'none') },
      'none: there is no such folder.',
    ],
    [{ preset: 'dialogsum', files: { train } }, "train.jsonl:1: no column 'dialogue'; has question, answer."],
    [
      { template: '{qestion}: {answer}', files: { train } },
      "train.jsonl:1: no column 'qestion'; did you mean 'question'?",
    ],
  ] as const)('says what is wrong with %j', async (options, message) => {
    const needsTokenizer = message.includes('column');
    await expect(loadTask(options as LoadTaskOptions, needsTokenizer ? gpt2() : undefined)).rejects.toThrow(
      message,
    );
  });
});

const have = (...names: string[]): boolean => names.every((name) => dataPath(name) !== undefined);
const path = (...parts: string[]): string => dataPath(...parts) as string;

describe.skipIf(!have('stories260K', 'gsm8k', 'aqua-rat', 'dialogsum', 'tinystories', 'tinyshakespeare'))(
  'the data sets',
  () => {
    const tokenizer = dataPath('stories260K') ?? '';

    it('gsm8k', async () => {
      const task = await loadTextTask({
        preset: 'gsm8k',
        tokenizer,
        files: { train: path('gsm8k', 'test.jsonl'), test: path('gsm8k', 'test.jsonl') },
      });
      const { train, test } = task.reports;
      expect(train.read + task.reports.validation.read).toBe(1319);
      expect(test.read).toBe(1319);
      expect(test.kept + test.tooLong).toBe(1319);
      expect(test.tooLong).toBeGreaterThan(0);
      expect(test.encodedApart).toBe(0);
      const questions = task.questions('test', 0, 64);
      const short = questions.answers.map((answer) => answer.slice(0, questions.maxAnswerLength));
      expect(questions.score(short).mean['exactMatch']).toBeGreaterThan(0.5);
    });

    it('aqua-rat', async () => {
      const task = await loadTextTask({
        preset: 'aqua-rat',
        tokenizer,
        validationShare: 0,
        files: { train: path('aqua-rat', 'dev.jsonl'), test: path('aqua-rat', 'test.jsonl') },
      });
      const count = task.questionCount('test');
      const references = Array.from(
        { length: count },
        (_, at) => task.question('test', at).references[0] as string,
      );
      expect(count).toBeGreaterThan(100);
      const letters = references.map((text) => task.tokenizer.encode(text.slice(-20)));
      expect(task.questions('test', 0, count).score(letters).mean).toEqual({ exactMatch: 1 });
    });

    it('dialogsum', async () => {
      const task = await loadTextTask({
        preset: 'dialogsum',
        tokenizer,
        maxTime: 512,
        files: {
          train: path('dialogsum', 'dialogsum.dev.jsonl'),
          test: path('dialogsum', 'dialogsum.test.jsonl'),
        },
      });
      expect(task.reports.test.read).toBe(500);
      expect(task.question('test', 0).references).toHaveLength(3);
      expect(task.questions('test', 0, 8).score(Array.from({ length: 8 }, () => [])).mean['rouge1']).toBe(0);
    });

    it('tinystories and tinyshakespeare, as running text', async () => {
      const stories = await loadCorpusTask({
        tokenizer,
        files: { train: path('tinystories', 'valid.txt') },
        endToken: false,
        time: 256,
      });
      expect(stories.reports.train.documents + stories.reports.validation.documents).toBe(50);
      expect(stories.reports.train.unknownShare).toBe(0);
      const plays = await loadCorpusTask({
        tokenizer,
        files: { train: path('tinyshakespeare', 'input.txt') },
        separator: '\n\n',
        validationShare: 0.1,
      });
      expect(plays.reports.train.documents).toBeGreaterThan(6000);
    });
  },
);
