import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePair, type TextTokenizer } from '../../src/index.js';
import { gpt2, llama2, llama3 } from '../support/tokenizers.js';

const all: readonly (readonly [string, TextTokenizer])[] = [
  ['GPT-2', gpt2([': '])],
  ['Llama 3', llama3(['er:\n', ': '])],
  ['Llama 2', llama2(['er:', ':7', ':72'])],
];

/** Tokens as the vocabulary writes them: `\u010a` is a line end, `\u0120` a space. */
const show = (tokenizer: TextTokenizer, ids: readonly number[]): string[] =>
  ids.map((id) => tokenizer.tokenText(id));

describe.each(all)('the border in a tokenizer like that of %s', (_, tokenizer) => {
  const prompts = fc.constantFrom(
    'Answer:',
    'Question: x\n\nAnswer:',
    'Answer:\n',
    'Answer: ',
    'the',
    'Summary:\n\n',
  );
  const answers = fc.constantFrom(' 72', '72', '\n\nthe', ' the 72', '', 'é 🙂', '  two', '\nA', ': x', 's');

  it('leaves the prompt as generation will see it, and the text as it is', () => {
    fc.assert(
      fc.property(prompts, answers, (prompt, answer) => {
        const pair = encodePair(tokenizer, prompt, answer);
        expect(pair.prompt).toEqual(tokenizer.encode(prompt, { begin: tokenizer.addsBeginToken }));
        expect(tokenizer.decode([...pair.prompt, ...pair.answer])).toBe(prompt + answer);
      }),
    );
  });
});

describe('encodePair', () => {
  it('takes the tokens of the whole text where they begin with those of the prompt', () => {
    const tokenizer = gpt2();
    const { prompt, answer, border } = encodePair(tokenizer, 'Question\n\nAnswer:', ' 72');
    expect(border).toBe('joint');
    expect([...prompt, ...answer]).toEqual(tokenizer.encode('Question\n\nAnswer: 72'));
    expect(show(tokenizer, answer)).toEqual(['\u012072']);
  });

  it('encodes the answer apart where a token would reach across: `:` and line ends in Llama 3', () => {
    const tokenizer = llama3();
    // The whole text has the token ":\n\n", so counting the two tokens of the prompt would cut one token too late.
    expect(show(tokenizer, tokenizer.encode('Answer:\n\nA'))).toEqual(['Answer', ':\u010a\u010a', 'A']);
    const { prompt, answer, border } = encodePair(tokenizer, 'Answer:', '\n\nA');
    expect(border).toBe('apart');
    expect(prompt).toEqual(tokenizer.encode('Answer:', { begin: true }));
    expect(show(tokenizer, answer)).toEqual(['\u010a\u010a', 'A']);
  });

  it('does not begin an answer that is encoded apart with the space of a first word', () => {
    const tokenizer = llama2([':7', ':72']);
    expect(tokenizer.tokenText(tokenizer.encode('Answer:72').at(-1) ?? -1)).toBe(':72');
    const { prompt, answer, border } = encodePair(tokenizer, 'Answer:', '72');
    expect(border).toBe('apart');
    expect(show(tokenizer, answer)).toEqual(['72']);
    expect(tokenizer.decode([...prompt, ...answer])).toBe('Answer:72');
  });

  it('shows why spaces belong to the answer: behind one, GPT-2 writes other tokens', () => {
    const tokenizer = gpt2();
    expect(encodePair(tokenizer, 'Answer:', ' 72').border).toBe('joint');
    // "Answer: " ends with the token " ", which no text with " 72" has.
    const { answer, border } = encodePair(tokenizer, 'Answer: ', '72');
    expect(border).toBe('apart');
    expect(show(tokenizer, answer)).toEqual(['72']);
  });
});
