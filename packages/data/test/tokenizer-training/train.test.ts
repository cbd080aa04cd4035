import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextTokenizer, type TokenizerFiles, trainTokenizer } from '../../src/index.js';
import { loadTokenizer, saveTokenizer } from '../../src/node/index.js';
import { BYTE_ALPHABET, BYTE_CHARACTERS } from '../../src/tokenizer-training/byte-alphabet.js';
import { learnBytePairs } from '../../src/tokenizer-training/byte-pairs.js';
import { countWords } from '../../src/tokenizer-training/word-counts.js';

interface Stored {
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly merges: readonly string[] };
}

const mergesOf = ({ tokenizer }: TokenizerFiles): readonly string[] => (tokenizer as Stored).model.merges;

/** Byte-pair encoding as the papers describe it: counts all pairs again before each merge. */
function countAllPairsAgain(
  counts: ReadonlyMap<string, number>,
  vocabularySize: number,
  minFrequency: number,
): (readonly [string, string])[] {
  const tokens = ['<|endoftext|>', ...BYTE_ALPHABET];
  const words = [...counts].map(([word, count]) => ({
    count,
    tokens: [...new TextEncoder().encode(word)].map((byte) => BYTE_CHARACTERS[byte] as string),
  }));
  const merges: (readonly [string, string])[] = [];
  while (tokens.length < vocabularySize) {
    const pairs = new Map<string, { left: string; right: string; count: number }>();
    for (const { tokens: parts, count } of words) {
      for (let at = 0; at + 1 < parts.length; at++) {
        const [left, right] = [parts[at] as string, parts[at + 1] as string];
        const found = pairs.get(`${left} ${right}`) ?? { left, right, count: 0 };
        pairs.set(`${left} ${right}`, { ...found, count: found.count + count });
      }
    }
    const id = (token: string): number => tokens.indexOf(token);
    const [best] = [...pairs.values()]
      .filter(({ count }) => count >= minFrequency)
      .sort((a, b) => b.count - a.count || id(a.left) - id(b.left) || id(a.right) - id(b.right));
    if (best === undefined) break;
    const { left, right } = best;
    merges.push([left, right]);
    if (!tokens.includes(left + right)) tokens.push(left + right);
    for (const word of words) {
      for (let at = 0; at + 1 < word.tokens.length; at++)
        if (word.tokens[at] === left && word.tokens[at + 1] === right)
          word.tokens.splice(at, 2, left + right);
    }
  }
  return merges;
}

describe('byte pairs', () => {
  // The words of Sennrich et al.; the merges are those of Hugging Face's tokenizers 0.22 on the same text.
  const text =
    'low low low low low lower lower newest newest newest newest newest newest widest widest widest';

  it('are merged by frequency, and of equally frequent ones by the lowest ids', () => {
    expect(mergesOf(trainTokenizer([text], { kind: 'bpe', vocabularySize: 300 }))).toEqual([
      'e s',
      'es t',
      'l o',
      'lo w',
      'e w',
      'n ew',
      'Ġ low',
      'Ġ new',
      'Ġnew est',
      'd est',
      'i dest',
      'w idest',
      'Ġ widest',
      'e r',
      'Ġlow er',
    ]);
  });

  it('end with the vocabulary, or with pairs that are too rare', () => {
    expect(mergesOf(trainTokenizer([text], { kind: 'bpe', vocabularySize: 260 }))).toEqual([
      'e s',
      'es t',
      'l o',
    ]);
    expect(mergesOf(trainTokenizer([text], { kind: 'bpe', minFrequency: 9 }))).toEqual(['e s', 'es t']);
  });

  it('are those of counting all pairs again before each merge', () => {
    const words = fc.array(fc.stringMatching(/^[abc]{1,7}$/), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 3 }), (list, minFrequency) => {
        const counts = new Map<string, number>();
        countWords(list.join(' '), counts);
        const options = { vocabularySize: 275, minFrequency, specialTokens: ['<|endoftext|>'] };
        expect(learnBytePairs(counts, options).merges).toEqual(countAllPairsAgain(counts, 275, minFrequency));
      }),
      { numRuns: 60 },
    );
  });

  it('do not reach over the token that ends a text', () => {
    const merges = mergesOf(trainTokenizer(['ab<|endoftext|>ab<|endoftext|>ab'], { kind: 'bpe' }));
    expect(merges).toEqual(['a b']);
  });

  it('write any text, and read it back', () => {
    const tokenizer = new TextTokenizer(trainTokenizer([text], { kind: 'bpe', vocabularySize: 300 }));
    for (const other of ['lowest newer', 'ein Gruß, 😀\n\n\tend ', "it's 1234"])
      expect(tokenizer.decode(tokenizer.encode(other))).toBe(other);
    expect(tokenizer.encode(' newest')).toHaveLength(1);
    expect(tokenizer.endToken).toBe(0);
  });
});

describe('characters', () => {
  const files = trainTokenizer(['To be, or\nnot 2 be?'], { kind: 'char' });

  it('have a token each, in the order of their code points', () => {
    const { vocab } = (files.tokenizer as Stored).model;
    const sorted = Object.entries(vocab).sort(([, a], [, b]) => a - b);
    expect(sorted.map(([token]) => token).join('')).toBe('<|endoftext|><unk>\n ,2?Tbenort');
  });

  it('write texts character by character; what is unknown has a token of its own', () => {
    const tokenizer = new TextTokenizer(files);
    const text = 'not to\nbe ?';
    expect(tokenizer.encode(text)).toHaveLength(text.length);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    expect(tokenizer.encode('nöt')[1]).toBe(tokenizer.unknownToken);
    expect(tokenizer.encode('b<|endoftext|>e')[1]).toBe(tokenizer.endToken);
  });

  it('are characters, not halves of them', () => {
    const tokenizer = new TextTokenizer(trainTokenizer(['a😀b'], { kind: 'char' }));
    expect(tokenizer.vocabularySize).toBe(5);
    expect(tokenizer.decode(tokenizer.encode('😀a'))).toBe('😀a');
  });
});

it('a tokenizer that was saved is the same one when it is loaded', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tokenizer-'));
  try {
    const files = trainTokenizer(['one two two'], { kind: 'bpe', minFrequency: 1 });
    saveTokenizer(join(folder, 'made'), files);
    const loaded = loadTokenizer(join(folder, 'made'));
    expect(loaded.encode('two one')).toEqual(new TextTokenizer(files).encode('two one'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it.each([
  [{ kind: 'bpe', vocabularySize: 256 }, ['a'], /257 .* got 256/],
  [{ kind: 'bpe' }, [], /no text to learn from/],
  [{ kind: 'char' }, ['<|endoftext|>'], /no text to learn from/],
] as const)('what cannot be trained is refused: %o', (options, texts, message) => {
  expect(() => trainTokenizer(texts, options)).toThrow(message);
});
