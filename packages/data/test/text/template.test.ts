import { describe, expect, it } from 'vitest';
import { fillPattern, parseTemplate, TaskConfigError, type TextRecord } from '../../src/index.js';

const record = (columns: Record<string, unknown>): TextRecord => ({ where: 'train.jsonl:3', columns });

function fill(template: string, columns: Record<string, unknown>, answerFrom?: string): [string, string] {
  const { prompt, answer } = parseTemplate(template, answerFrom);
  return [fillPattern(prompt, record(columns)), fillPattern(answer, record(columns))];
}

describe('parseTemplate', () => {
  it.each([
    ['Question: {question}\n\nAnswer: {answer}', undefined, 'Question: Q\n\nAnswer:', ' A'],
    ['{question}\n{answer}', undefined, 'Q\n', 'A'],
    ['{question}:  {answer}\n', undefined, 'Q:', '  A\n'],
    ['{question} {answer} {c}', 'answer', 'Q', ' A C'],
    ['{question} {question}{answer}', undefined, 'Q Q', 'A'],
    ['{answer}', undefined, '', 'A'],
    ['{ "q": {question} } {answer}', undefined, '{ "q": Q }', ' A'],
  ])('%j', (template, answerFrom, prompt, answer) => {
    const columns = { question: 'Q', answer: 'A', c: 'C' };
    expect(fill(template, columns, answerFrom)).toEqual([prompt, answer]);
  });

  it('writes numbers, and lists with spaces between', () => {
    const columns = { question: 7, answer: ['A)1', 'B)2', 3] };
    expect(fill('{question}: {answer}', columns)).toEqual(['7:', ' A)1 B)2 3']);
  });

  it('takes braces in the data for what they are', () => {
    expect(fill('{question}: {answer}', { question: '{answer}', answer: '{question}' })).toEqual([
      '{answer}:',
      ' {question}',
    ]);
  });

  it.each([
    ['Question and answer', undefined, 'names no column. Write columns in braces:'],
    ['{question} {answer}', 'answr', "answerFrom: the template has no {answr}; did you mean 'answer'?"],
    ['{question} {answer}', 'zzzzzz', 'it has question, answer.'],
  ])('refuses %j from %s', (template, answerFrom, message) => {
    expect(() => parseTemplate(template, answerFrom)).toThrow(TaskConfigError);
    expect(() => parseTemplate(template, answerFrom)).toThrow(message);
  });

  it.each([
    [{ qestion: 'Q', answer: 'A' }, "train.jsonl:3: no column 'question'; did you mean 'qestion'?"],
    [{ text: 'Q' }, "train.jsonl:3: no column 'question'; has text."],
    [{}, "train.jsonl:3: no column 'question'; has no columns."],
    [{ question: null }, "train.jsonl:3: column 'question' holds null, expected text, a number or a list"],
    [{ question: { text: 'Q' } }, "column 'question' holds an object"],
    [{ question: [['Q']] }, "column 'question' holds a list of other things"],
    [{ question: true }, "column 'question' holds true"],
  ])('names file, line and column for %j', (columns, message) => {
    expect(() => fill('{question} {answer}', columns)).toThrow(message);
  });
});
