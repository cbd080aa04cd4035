import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextTokenizer } from '../../src/index.js';
import { wordSplit } from '../../src/text/word-split.js';
import { dataPath } from '../support/data-folder.js';
import { gpt2Files, llama2Files } from '../support/tokenizers.js';

/** What is used of the library, whose types do not resolve here. */
interface Plain {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
}

const plain = (tokenizer: unknown): Plain => new Tokenizer(tokenizer as object, {});
const texts = fc
  .array(fc.constantFrom('the', ' ', '  ', '\n', 'Answer', '72', 'é', '🙂', ':', '\u2581', '</s>', 'x '), {
    maxLength: 15,
  })
  .map((parts) => parts.join(''));

describe('wordSplit', () => {
  const { tokenizer } = llama2Files(['\u2581\u2581', 'e:', ':\u00e9']) as { tokenizer: object };
  const metaspace = {
    ...tokenizer,
    normalizer: null,
    pre_tokenizer: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'first', split: false },
  };

  it.each([
    ['behind a normalizer', tokenizer],
    ['behind Metaspace', metaspace],
  ])('gives the tokens of the whole text, %s', (_, files) => {
    const ours = new TextTokenizer({ tokenizer: files });
    fc.assert(
      fc.property(texts, (text) => {
        fc.pre(text !== '');
        expect(ours.encode(text)).toEqual(plain(files).encode(text, { add_special_tokens: false }).ids);
      }),
    );
  });

  it('leaves tokenizers alone that split by themselves, or have tokens across words', () => {
    const fieldsOf = (files: { tokenizer: unknown }) =>
      files.tokenizer as { model: Record<string, unknown> } & Record<string, unknown>;
    const [byteLevel, across] = [fieldsOf(gpt2Files()), fieldsOf(llama2Files(['the\u2581x']))];
    expect(wordSplit(byteLevel, byteLevel.model)).toBeUndefined();
    expect(wordSplit(across, across.model)).toBeUndefined();
    const words = fieldsOf(llama2Files());
    expect(wordSplit(words, words.model)).not.toBeUndefined();
    expect(wordSplit(words, { ...words.model, type: 'Unigram' })).toBeUndefined();
  });
});

const stories = dataPath('stories260K', 'tokenizer.json');
const plays = dataPath('tinyshakespeare', 'input.txt');

describe.skipIf(stories === undefined || plays === undefined)('wordSplit with stories260K', () => {
  it('gives the tokens of the whole text', () => {
    const tokenizer: unknown = JSON.parse(readFileSync(join(stories as string), 'utf8'));
    const text = readFileSync(plays as string, 'utf8').slice(0, 30_000);
    const { ids } = plain(tokenizer).encode(text, { add_special_tokens: false });
    expect(new TextTokenizer({ tokenizer }).encode(text)).toEqual(ids);
  });
});
