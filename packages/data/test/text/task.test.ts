import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DataFileError,
  parseTextConfig,
  type SequenceBatch,
  TaskConfigError,
  TaskUsageError,
  type TextOptions,
  TextTask,
  TextTokenizer,
  textPresets,
} from '../../src/index.js';
import { questionsOf, recordsOf } from '../support/records.js';
import { gpt2, llama2 } from '../support/tokenizers.js';

const lengths = Array.from({ length: 50 }, (_, at) => 5 + ((at * 37) % 60));
const options: Partial<TextOptions> = { preset: 'gsm8k', maxTime: 96, maxAnswerTime: 40, group: 4, seed: 5 };
const sources = { tokenizer: llama2(), train: questionsOf(lengths), test: questionsOf([3, 4, 60]) };
const task = new TextTask(options, sources);

const rowsOf = ({ tokens, time, lengths: used }: SequenceBatch): number[][] =>
  Array.from(used, (length, row) => Array.from(tokens.subarray(row * time, row * time + length)));

describe('a batch', () => {
  it('holds prompts as generation sees them, answers, and the token that ends them', () => {
    const { tokenizer } = task;
    const batch = task.batch('train', 0, 4);
    rowsOf(batch).forEach((ids, row) => {
      const prefix = batch.prefixLengths[row] as number;
      const prompt = tokenizer.decode(ids.slice(0, prefix));
      expect(ids.slice(0, prefix)).toEqual(tokenizer.encode(prompt, { begin: true }));
      expect(prompt).toMatch(/^Question: Number \d+\?\n\nAnswer:$/);
      expect(ids.at(-1)).toBe(tokenizer.endToken);
      const number = /\d+/.exec(prompt)?.[0];
      expect(task.answerText(ids.slice(prefix))).toMatch(new RegExp(`^x+ #### ${number}$`));
    });
    expect(batch.channels).toBe(1);
    expect(batch.targets).toBeUndefined();
  });

  it('is padded with -1 to one of the known lengths, the shortest that holds it', () => {
    expect(task.batchTimes).toEqual([48, 72, 96]);
    for (let step = 0; step < 30; step++) {
      const { batch, time, tokens, lengths: used, prefixLengths, answerTime } = task.batch('train', step, 4);
      expect(task.batchTimes).toContain(time);
      expect(task.batchTimes.find((each) => each >= Math.max(...used))).toBe(time);
      for (let row = 0; row < batch; row++) {
        const padding = tokens.subarray(row * time + (used[row] as number), (row + 1) * time);
        expect(padding.every((id) => id === -1)).toBe(true);
        expect((used[row] as number) - (prefixLengths[row] as number)).toBeLessThanOrEqual(
          answerTime as number,
        );
      }
    }
  });

  it('has one answerTime for each time, so that arrays made from it have few shapes', () => {
    const found = new Map<number, Set<number>>();
    for (const split of ['train', 'validation', 'test'] as const) {
      for (let step = 0; step < 40; step++) {
        const { time, answerTime } = task.batch(split, step, 3);
        found.set(time, (found.get(time) ?? new Set()).add(answerTime as number));
      }
    }
    for (const answerTimes of found.values()) expect(answerTimes.size).toBe(1);
  });

  it('is a cut of one stream, whatever the size', () => {
    const one = task.batch('train', 3, 4);
    const parts = [task.batch('train', 6, 2), task.batch('train', 7, 2)];
    expect(rowsOf(one)).toEqual(parts.flatMap(rowsOf));
  });

  it('is a function of settings and step: another process goes on at the exact sample', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 1, max: 9 }), (step, size) => {
        const again = new TextTask(JSON.parse(JSON.stringify(task.config)), sources);
        expect(again.batch('train', step, size)).toEqual(task.batch('train', step, size));
      }),
      { numRuns: 20 },
    );
  });

  it('goes through all examples in each epoch, in another order', () => {
    const steps = task.batchesPerEpoch('train', 4);
    const epoch = (number: number) =>
      Array.from({ length: steps }, (_, step) => task.batch('train', number * steps + step, 4)).flatMap(
        rowsOf,
      );
    const [first, second] = [epoch(0), epoch(1)];
    const distinct = (rows: number[][]) => new Set(rows.map(String));
    expect(distinct(first).size).toBe(task.exampleCount('train'));
    expect(distinct(second)).toEqual(distinct(first));
    expect(second).not.toEqual(first);
  });

  it('does not change with the seed in held-out splits, and does in training', () => {
    const other = new TextTask({ ...options, seed: 6 }, sources);
    expect(other.batch('validation', 0, 2)).toEqual(task.batch('validation', 0, 2));
    expect(other.batch('train', 0, 4)).not.toEqual(task.batch('train', 0, 4));
  });
});

describe('splits', () => {
  it('hold validation out of the training file, by seed, and never take it from the test file', () => {
    const questionsIn = (split: 'train' | 'validation' | 'test') =>
      Array.from({ length: task.questionCount(split) }, (_, at) => task.question(split, at).where);
    expect(task.reports.train.read + task.reports.validation.read).toBe(lengths.length);
    expect(task.reports.validation.read).toBe(3);
    const [train, validation] = [questionsIn('train'), questionsIn('validation')];
    expect(validation.some((where) => train.includes(where))).toBe(false);
    const other = new TextTask({ ...options, heldOutSeed: 1 }, sources);
    const reHeld = Array.from(
      { length: other.questionCount('validation') },
      (_, at) => other.question('validation', at).where,
    );
    expect(reHeld).not.toEqual(validation);
  });

  it('take a validation file whole', () => {
    const given = new TextTask(options, { ...sources, validation: questionsOf([7, 8]) });
    expect(given.reports.train.read).toBe(lengths.length);
    expect(given.reports.validation.read).toBe(2);
  });

  it('say what to give when they are not there', () => {
    const bare = new TextTask({ ...options, validationShare: 0 }, { ...sources, test: undefined });
    expect(() => bare.batch('test', 0, 1)).toThrow('text: there is no test split. Give files.test.');
    expect(() => bare.questions('test', 0, 1)).toThrow('text: there is no test split. Give files.test.');
    expect(() => bare.batch('validation', 0, 1)).toThrow(
      'Raise validationShare above 0 or give files.validation.',
    );
    expect(() => bare.batch('tets' as 'test', 0, 1)).toThrow(
      'text: unknown split "tets". Did you mean test? Use one of train, validation, test.',
    );
    expect(() => bare.batch('train', -1, 1)).toThrow(TaskUsageError);
    expect(() => bare.batch('train', 0, 0)).toThrow(
      'text batch: size: expected an integer of at least 1, got 0.',
    );
  });
});

describe('questions', () => {
  it('are the prompts alone, with the answers and the token that ends them', () => {
    const { prompts, answers, maxAnswerLength, count } = task.questions('test', 0, 2);
    expect(count).toBe(2);
    expect(maxAnswerLength).toBe(40);
    expect(prompts.lengths).toEqual(prompts.prefixLengths);
    expect(rowsOf(prompts).map((ids) => task.decode(ids))).toEqual([
      'Question: Number 0?\n\nAnswer:',
      'Question: Number 1?\n\nAnswer:',
    ]);
    expect(answers.map((ids) => task.answerText(ids))).toEqual(
      [' xxx #### 0', ' xxxx #### 1'].map((text) => text.trim()),
    );
    expect(answers[0]?.at(-1)).toBe(task.tokenizer.endToken);
  });

  it('begin again at their end, so that a group of any size has one shape', () => {
    const { prompts } = task.questions('test', 0, 5);
    const rows = rowsOf(prompts);
    expect(rows[3]).toEqual(rows[0]);
    expect(prompts.time).toBe(task.questions('validation', 0, 1).prompts.time);
  });

  it('score right answers in full, cut at the end token, and silence with nothing', () => {
    const questions = task.questions('test', 0, 2);
    expect(questions.score(questions.answers).mean).toEqual({ exactMatch: 1, flexibleMatch: 1 });
    expect(questions.score([[], []]).mean).toEqual({ exactMatch: 0, flexibleMatch: 0 });
    const ids = (text: string) => task.tokenizer.encode(text);
    const { each } = questions.score([[...ids('so #### 0'), 2, ...ids('#### 5')], ids('The answer is 1')]);
    expect(each).toEqual([
      { exactMatch: 1, flexibleMatch: 1 },
      { exactMatch: 0, flexibleMatch: 1 },
    ]);
  });

  it('refuse answers that cannot belong to them', () => {
    const questions = task.questions('test', 0, 2);
    expect(() => questions.score([[]])).toThrow('text score: expected 2 answers, got 1.');
    expect(() => questions.score([[], new Int32Array(41)])).toThrow(
      'text score: answer 1 has 41 tokens, more than maxAnswerTime 40. Pass the generated tokens alone',
    );
  });
});

describe('records that do not fit', () => {
  it('are left out and counted, with the longest by name', () => {
    const small = new TextTask(
      { ...options, maxTime: 80 },
      {
        tokenizer: llama2(),
        train: [...questionsOf([5, 80, 5, 90]), ...recordsOf([{ question: 'x', answer: ' ' }])],
        validation: questionsOf([5]),
      },
    );
    expect(small.reports.train).toMatchObject({ read: 5, kept: 2, tooLong: 2, withoutAnswer: 1 });
    expect(small.describeReports()[0]).toMatch(
      /^train: 2 of 5 examples kept; dropped 2 longer than 80 tokens \(the longest has \d+, train.jsonl:4\) and 1 without an answer\.$/,
    );
  });

  it('are an error when that is asked for', () => {
    expect(
      () =>
        new TextTask(
          { ...options, maxTime: 60, overlong: 'refuse' },
          { ...sources, train: questionsOf([5, 80]) },
        ),
    ).toThrow(
      /^train.jsonl:2: \d+ tokens exceed maxTime 60\. Raise maxTime as far as the model's context allows/,
    );
  });

  it('are an error when none is left', () => {
    expect(
      () => new TextTask({ ...options, maxTime: 45 }, { ...sources, train: questionsOf([80, 90]) }),
    ).toThrow(DataFileError);
    expect(() => new TextTask(options, { ...sources, train: [] })).toThrow(
      'text: no training example is left. train: 0 of 0 examples kept.',
    );
  });

  it('are questions that are not asked when the prompt leaves no room for an answer', () => {
    const narrow = new TextTask({ ...options, maxAnswerTime: 90 }, sources);
    expect(narrow.questionCount('test')).toBe(0);
    expect(() => narrow.questions('test', 0, 1)).toThrow(
      'text: the prompts of all 3 examples of the test split leave less than 90 of 96 tokens for the answer.',
    );
    expect(narrow.describeReports().at(-1)).toContain('3 questions not asked');
  });

  it('tell of the wrong tokenizer by the tokens it does not know', () => {
    const bare = { type: 'BPE', vocab: { '[UNK]': 0, x: 1, '#': 2, end: 3 }, merges: [], unk_token: '[UNK]' };
    const tokenizer = new TextTokenizer(
      { tokenizer: { model: bare }, config: { unk_token: '[UNK]', eos_token: 'end' } },
      'x',
    );
    const strange = new TextTask(options, { tokenizer, train: questionsOf([5, 6, 7]) });
    expect(strange.reports.train.unknownShare).toBeGreaterThan(0.5);
    expect(strange.describeReports()[0]).toMatch(/% of the tokens are unknown to the tokenizer\.$/);
  });
});

describe('settings', () => {
  it('come from the preset, and are complete in the config', () => {
    expect(task.config).toMatchObject({
      preset: 'gsm8k',
      template: 'Question: {question}\n\nAnswer: {answer}',
      scorer: 'number',
      validationShare: 0.05,
      buckets: 4,
    });
    expect(parseTextConfig({ preset: 'dialogsum' }).maxAnswerTime).toBe(128);
    expect(parseTextConfig({ preset: 'gsm8k' }).maxAnswerTime).toBe(256);
    expect(parseTextConfig(JSON.parse(JSON.stringify(task.config)))).toEqual(task.config);
  });

  it.each([
    [{ preset: 'gsm8k', maxTme: 5 }, "text: unknown setting 'maxTme', did you mean 'maxTime'?"],
    [
      { preset: 'gsm8' },
      'text: preset: "gsm8" is none of gsm8k, dialogsum, aqua-rat; did you mean \'gsm8k\'?',
    ],
    [
      {},
      'text: template: is missing; give a preset (gsm8k, dialogsum, aqua-rat) or a text with columns in braces',
    ],
    [{ preset: 'gsm8k', files: 'a' }, "text: files: expected files by split, { train: 'train.jsonl' }."],
    [{ preset: 'gsm8k', files: {} }, 'text: files.train: expected the path of a file, or a list of paths.'],
    [{ template: 'none' }, 'text: template: "none" names no column.'],
    [
      { preset: 'gsm8k', files: { train: 'a', tset: 'b' } },
      "text: files: unknown setting 'tset', did you mean 'test'?",
    ],
    [
      { preset: 'gsm8k', maxAnswerTime: 512 },
      'text: maxAnswerTime: 512 leaves no room for a prompt in maxTime 512.',
    ],
    [
      { preset: 'gsm8k', buckets: [64, 128] },
      'text: buckets: the longest must be maxTime, 512, got 64, 128.',
    ],
    [{ preset: 'gsm8k', dropPattern: '(' }, 'text: dropPattern: Invalid regular expression'],
    [{ preset: 'gsm8k', scorer: 'rogue-best' }, "did you mean 'rouge-best'?"],
    [
      { preset: 'gsm8k', answerFrom: 'anser' },
      "text: answerFrom: the template has no {anser}; did you mean 'answer'?",
    ],
  ])('explain what is wrong with %j', (wrong, message) => {
    expect(() => parseTextConfig(wrong as Partial<TextOptions>)).toThrow(TaskConfigError);
    expect(() => parseTextConfig(wrong as Partial<TextOptions>)).toThrow(message);
  });

  it('fit the tokenizer', () => {
    expect(() => new TextTask({ ...options, maxTime: 4096 }, sources)).toThrow(
      'text: maxTime 4096 exceeds the context of the model, 2048 tokens (model_max_length of llama2). Use at most 2048.',
    );
    const files = { tokenizer: { model: { type: 'BPE', vocab: { x: 0 }, merges: [] } } };
    const bare = new TextTokenizer(files, 'bare');
    expect(() => new TextTask(options, { ...sources, tokenizer: bare })).toThrow(
      'text: bare names no eos_token to end texts with.',
    );
  });

  it('take a pattern out of the columns, such as the notes of GSM8K', () => {
    const { tokenizer } = sources;
    const clean = new TextTask(
      { ...options, dropPattern: '<<[^>]*>>', validationShare: 0 },
      { tokenizer, train: recordsOf([{ question: 'Q', answer: '48/2 = <<48/2=24>>24\n#### 24' }]) },
    );
    expect(clean.question('train', 0).references).toEqual([' 48/2 = 24\n#### 24']);
  });
});

describe('presets', () => {
  it('dialogsum takes the three summaries of a test record for references, the first for the answer', () => {
    const dialogues = new TextTask(
      { preset: 'dialogsum' },
      {
        tokenizer: gpt2(),
        train: recordsOf([
          { dialogue: 'A: Hi.', summary: 'They meet.' },
          { dialogue: 'B: Bye.', summary: 'They part.' },
        ]),
        test: recordsOf(
          [{ dialogue: 'A: Hi.', summary1: 'They meet.', summary2: 'A greets.', summary3: 'Hi.' }],
          'test.jsonl',
        ),
      },
    );
    const { references, where } = dialogues.question('test', 0);
    expect(references).toEqual([' They meet.', ' A greets.', ' Hi.']);
    expect(where).toBe('test.jsonl:1');
    const { mean } = dialogues.questions('test', 0, 1).score([gpt2().encode(' They meet.')]);
    expect(mean['rouge1']).toBeCloseTo(1 / 3, 12);
    expect(dialogues.metrics.map(({ name }) => name)).toEqual(['rouge1', 'rouge2', 'rougeL', 'rougeLsum']);
  });

  it('may have alternatives for several columns', () => {
    const task = new TextTask(
      {
        template: '{question}: {answer}',
        alternatives: { question: ['problem'], answer: ['solution', 'other'] },
        validationShare: 0,
      },
      { tokenizer: gpt2(), train: recordsOf([{ problem: 'Q', solution: 'A', other: 'B' }]) },
    );
    expect(task.question('train', 0).references).toEqual([' A', ' B']);
    expect(task.decode(rowsOf(task.batch('train', 0, 1))[0] ?? [])).toBe('Q: A');
  });

  it('aqua-rat works the answer out and states the letter', () => {
    const problems = new TextTask(
      { preset: 'aqua-rat', validationShare: 0 },
      {
        tokenizer: gpt2(),
        train: recordsOf([{ question: '1 + 1?', options: ['A)1', 'B)2'], rationale: 'Two.', correct: 'B' }]),
      },
    );
    const { prompts, answers, score } = problems.questions('train', 0, 1);
    expect(problems.decode(rowsOf(prompts)[0] ?? [])).toBe('Question: 1 + 1?\nOptions: A)1 B)2\n\nAnswer:');
    expect(problems.answerText(answers[0] ?? [])).toBe(' Two.\nThe answer is B.');
    expect(score(answers).mean).toEqual({ exactMatch: 1 });
    expect(problems.metrics[0]).toMatchObject({ name: 'exactMatch', chance: 0.2 });
  });

  it('are all valid', () => {
    for (const preset of Object.keys(textPresets) as (keyof typeof textPresets)[]) {
      expect(() => parseTextConfig({ preset })).not.toThrow();
    }
  });
});
