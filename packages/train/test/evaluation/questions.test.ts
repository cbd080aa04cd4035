import { type TextRecord, TextTokenizer } from '@foretoken/data';
import { generate, type Transformer } from '@foretoken/models';
import { loadPretrained } from '@foretoken/models/node';
import { type Device, openDevice } from '@foretoken/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerQuestions, chooseOptions, questionTask, scoreTokens } from '../../src/index.js';
import { checkpointFolder, tinyTokenizerFiles } from '../support/tiny-checkpoint.js';

let device: Device;
let model: Transformer;
beforeAll(async () => {
  device = await openDevice();
  ({ model } = await loadPretrained(device, checkpointFolder('llama3')));
});
afterAll(() => device.close());

const tokenizer = new TextTokenizer(tinyTokenizerFiles(), 'tiny');
const records: TextRecord[] = ['1+2', '3', '4+5+1', '7'].map((q, at) => ({
  where: `test.jsonl:${at + 1}`,
  columns: { q, a: '#3' },
}));
const settings = { template: '{q}={a}', scorer: 'text' } as const;

describe('questionTask', () => {
  it('shows worked examples before a question, in the template and with their answers', () => {
    const task = questionTask(records, tokenizer, {
      settings,
      context: 32,
      maxAnswerTokens: 4,
      shots: [{ where: 'train:1', columns: { q: '1+1', a: '#2' } }],
    });
    const { ids, prefix, references } = task.question('test', 0);
    expect(task.decode(ids.subarray(0, prefix))).toBe('1+1=#2\n\n1+2=');
    expect(references).toEqual(['#3']);
  });

  it('takes braces in examples as they are, and alternatives of columns that they lack', () => {
    const task = questionTask(records, new TextTokenizer(tinyTokenizerFiles('{}'), 'tiny'), {
      settings: { ...settings, alternatives: { a: ['a1', 'a2'] } },
      context: 32,
      maxAnswerTokens: 4,
      shots: [{ where: 'train:1', columns: { q: '{1}', a1: '#2', a2: '#4' } }],
    });
    const { ids, prefix } = task.question('test', 1);
    expect(task.decode(ids.subarray(0, prefix))).toBe('{1}=#2\n\n3=');
  });

  it('refuses answers as long as the context, and names a missing column', () => {
    const options = { settings, context: 8, maxAnswerTokens: 8 };
    expect(() => questionTask(records, tokenizer, options)).toThrow(
      /leave no room for a prompt in a context of 8/,
    );
    expect(() =>
      questionTask([{ where: 'x.jsonl:1', columns: { q: '1' } }], tokenizer, { ...options, context: 32 }),
    ).toThrow("x.jsonl:1: no column 'a'");
  });
});

describe('answerQuestions', () => {
  it('gives what generation gives for each prompt alone, in the order of the questions', async () => {
    const task = questionTask(records, tokenizer, { settings, context: 32, maxAnswerTokens: 6 });
    const answers = await answerQuestions(model, task, { batch: 3 });
    expect(answers.map(({ where }) => where)).toEqual(records.map(({ where }) => where));
    for (const { prompt, generated, tokens } of answers) {
      const [ids = []] = await generate(model, [tokenizer.encode(prompt)], {
        maxNewTokens: 6,
        greedy: true,
        stopTokens: task.stopTokens,
      });
      expect([generated, tokens]).toEqual([tokenizer.decode(ids).trim(), ids.length]);
    }
    expect(await answerQuestions(model, task, { batch: 3 })).toEqual(answers);
  });

  it('ends an answer at a stop text or a stop token, which are no part of it', async () => {
    const task = questionTask(records.slice(0, 1), tokenizer, { settings, context: 32, maxAnswerTokens: 6 });
    const [whole] = await answerQuestions(model, task);
    const stop = whole?.generated.slice(1, 2) as string;
    const [cut] = await answerQuestions(model, task, { stopTexts: [stop] });
    expect(cut).toMatchObject({ generated: whole?.generated.split(stop)[0]?.trim(), ended: 'text' });
    const id = tokenizer.encode(whole?.generated.slice(0, 1) as string)[0] as number;
    const [ended] = await answerQuestions(model, task, { stopTokens: [id] });
    expect(ended).toMatchObject({ generated: '', tokens: 0, ended: 'token' });
  });

  it('counts questions that leave no room for an answer, and refuses when none is left', async () => {
    const task = questionTask(records, tokenizer, { settings, context: 8, maxAnswerTokens: 4 });
    expect(task.reports.test.promptTooLong).toBe(1);
    expect(await answerQuestions(model, task)).toHaveLength(3);
    const none = questionTask(records, tokenizer, { settings, context: 6, maxAnswerTokens: 5 });
    await expect(answerQuestions(model, none)).rejects.toThrow(
      /none of 4 questions is asked. 4 prompts leave less than 5 of 6 tokens/,
    );
  });
});

describe('chooseOptions', () => {
  it('chooses the likeliest continuation, token for token as losses have it', async () => {
    const prompt = [3, 4, 5];
    const options = [[6], [7, 8], [2]].map((option) => ({ ids: [...prompt, ...option], from: 3 }));
    const [chosen] = await chooseOptions(model, [{ where: 'a', options, correct: 1 }], { batch: 2 });
    const losses = await scoreTokens(model, options, { batch: 3 });
    const expected = losses.map((values) => -values.reduce((sum, value) => sum + value, 0));
    expect(losses.map(({ length }) => length)).toEqual([1, 2, 1]);
    chosen?.logLikelihoods.forEach((value, at) => {
      expect(value).toBeCloseTo(expected[at] as number, 5);
    });
    expect(chosen?.chosen).toBe(expected.indexOf(Math.max(...expected)));
    expect(chosen?.scores.accuracy).toBe(Number(chosen?.chosen === 1));
    await expect(chooseOptions(model, [], { batch: 1 })).rejects.toThrow(/no question/);
  });
});
