import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTokenizerFits, TextTokenizer, TokenizerError } from '../../src/index.js';
import { gpt2, gpt2Files, llama2, llama2Files, llama3 } from '../support/tokenizers.js';

const all = [
  ['byte-level', gpt2()],
  ['byte-level behind a pattern', llama3()],
  ['SentencePiece', llama2()],
] as const;

const pieces = fc.constantFrom(
  'the',
  ' the',
  ' ',
  '  ',
  '\n',
  'Answer:',
  ' 72',
  'é',
  '漢',
  '🙂',
  '👩‍👩‍👧',
  "'s",
  'x',
  ' .',
);
const texts = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''));

describe.each(all)('%s', (_, tokenizer) => {
  it('decodes what it encoded, byte for byte', () => {
    fc.assert(
      fc.property(fc.oneof(texts, fc.string({ unit: 'grapheme' })), (text) => {
        // Special tokens written out in a text are tokens.
        fc.pre(!text.includes('<'));
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      }),
    );
  });

  it('streams what it decodes at once', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const ids = tokenizer.encode(text);
        const stream = tokenizer.stream();
        const streamed = ids.map((id) => stream.push(id));
        expect(streamed.join('') + stream.end()).toBe(text);
        expect(streamed.join('')).not.toContain('\uFFFD');
      }),
    );
  });

  it('streams an answer behind a prompt with the space before its first word', () => {
    fc.assert(
      fc.property(texts, (answer) => {
        const prompt = tokenizer.encode('Answer:', { begin: tokenizer.addsBeginToken });
        const ids = tokenizer.encode(`Answer:${answer}`, { begin: tokenizer.addsBeginToken });
        fc.pre(prompt.every((id, at) => ids[at] === id));
        const stream = tokenizer.stream(prompt);
        const streamed = ids.slice(prompt.length).map((id) => stream.push(id));
        expect(streamed.join('') + stream.end()).toBe(answer);
      }),
    );
  });

  it('has ids below its vocabulary size, and passes over those above', () => {
    expect(Math.max(...tokenizer.encode('Answer: 72 é'))).toBeLessThan(tokenizer.vocabularySize);
    expect(tokenizer.decode([...tokenizer.encode('the'), tokenizer.vocabularySize + 3])).toBe('the');
    expect(tokenizer.tokenText(tokenizer.vocabularySize)).toBe(`<${tokenizer.vocabularySize}>`);
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.encode('')).toEqual([]);
  });
});

describe('streams', () => {
  it('hold a character back until its last byte', () => {
    const tokenizer = gpt2();
    const ids = tokenizer.encode('é!');
    const stream = tokenizer.stream();
    expect(ids.map((id) => stream.push(id))).toEqual(['', 'é', '!']);
  });

  it('give up on bytes that are no character, and show what is left at the end', () => {
    const tokenizer = gpt2();
    const [first] = tokenizer.encode('é') as [number];
    const stream = tokenizer.stream();
    expect([first, first, first].map((id) => stream.push(id))).toEqual(['', '\uFFFD', '\uFFFD']);
    expect(stream.end()).toBe('\uFFFD');
    expect(stream.end()).toBe('');
  });

  it('keep the space of a word behind a special token that is not shown', () => {
    const tokenizer = llama2();
    const [space] = tokenizer.encode(' the').slice(-1) as [number];
    const ids = [...tokenizer.encode('x'), 2, space];
    const stream = tokenizer.stream();
    expect(ids.map((id) => stream.push(id)).join('')).toBe(tokenizer.decode(ids));
  });
});

describe('special tokens', () => {
  it('come from the config, or from special_tokens_map.json, as texts or objects', () => {
    expect(llama2()).toMatchObject({ beginToken: 1, endToken: 2, unknownToken: 0, padToken: undefined });
    expect(llama2().addsBeginToken).toBe(true);
    const modern = llama3();
    expect(modern.tokenText(modern.beginToken ?? -1)).toBe('<|begin_of_text|>');
    expect(modern.tokenText(modern.endToken ?? -1)).toBe('<|end_of_text|>');
    // From its post-processor, as its config says nothing.
    expect(modern.addsBeginToken).toBe(true);
    expect(modern.modelMaxLength).toBeUndefined();
    expect(llama2().modelMaxLength).toBe(2048);
    expect(gpt2().addsBeginToken).toBe(false);
    expect(gpt2().endToken).toBe(gpt2().tokenId('<|endoftext|>'));
  });

  it('begin a text when asked, and are left out of decoded text', () => {
    const tokenizer = llama2();
    const ids = tokenizer.encode('the', { begin: true });
    expect(ids[0]).toBe(1);
    expect(tokenizer.decode([...ids, 2])).toBe('the');
    expect(tokenizer.decode([...ids, 2], { skipSpecial: false })).toBe('<s> the</s>');
  });

  it('are never cleaned of spaces, whatever the config says', () => {
    expect(llama3().decode(llama3().encode('the , x .'))).toBe('the , x .');
  });
});

describe('what is wrong with the files', () => {
  it.each([
    [{ tokenizer: {} }, 'x: tokenizer.json has no model with a vocab (found: nothing).'],
    [{ tokenizer: { added_tokens: [], model: {} } }, 'found: added_tokens, model'],
    [{ tokenizer: [] }, 'x: tokenizer.json holds a list of 0, expected an object.'],
    [
      { ...gpt2Files(), config: { eos_token: '</s>' } },
      'x: the eos_token "</s>" is no token of tokenizer.json.',
    ],
    [
      { tokenizer: { ...(llama2Files().tokenizer as object), decoder: { type: 'Newest' } } },
      'x: tokenizer.json cannot be used: decoder has the type "Newest", which is not supported; supported are ByteLevel',
    ],
  ])('%#', (files, message) => {
    expect(() => new TextTokenizer(files, 'x')).toThrow(TokenizerError);
    expect(() => new TextTokenizer(files, 'x')).toThrow(message);
  });

  it('says so when a text cannot be written and there is no unknown token', () => {
    const words = new TextTokenizer(
      {
        tokenizer: {
          pre_tokenizer: { type: 'Whitespace' },
          model: { type: 'WordPiece', unk_token: '[UNK]', vocab: { one: 0, two: 1 } },
        },
      },
      'x',
    );
    expect(words.encode('one two')).toEqual([0, 1]);
    expect(() => words.encode('one three')).toThrow(
      'x: cannot write "one three" in tokens, and has no unknown token to stand in.',
    );
  });
});

describe('checkTokenizerFits', () => {
  const tokenizer = (vocabularySize: number) => ({ name: 'folder', vocabularySize });

  it.each([
    [512, 512],
    [151_669, 151_936],
    [50_295, 51_200],
  ])('%i tokens fit %i rows', (ids, rows) => {
    expect(() => checkTokenizerFits(tokenizer(ids), rows)).not.toThrow();
  });

  it.each([
    [32_000, 512],
    [50_257, 128_256],
  ])('%i tokens do not fit %i rows', (ids, rows) => {
    expect(() => checkTokenizerFits(tokenizer(ids), rows, 'gpt')).toThrow(
      `folder: has ${ids} tokens, but gpt has ${rows} rows of embeddings: the tokenizer belongs to another model.`,
    );
  });
});
