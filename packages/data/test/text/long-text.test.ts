import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DocumentSplitter } from '../../src/corpus/document-splitter.js';
import { documentsOf, LongText, utf8Length } from '../../src/index.js';
import { encodePieces } from '../../src/text/encode-pieces.js';
import { graphemeBorder } from '../../src/text/long-text.js';
import { gpt2, llama2, llama3 } from '../support/tokenizers.js';

const longOf = (...pieces: string[]): LongText => {
  const long = new LongText();
  for (const piece of pieces) long.append(piece);
  return long;
};

const wholeOf = (text: string | LongText): string => text.slice(0, text.length);

describe('LongText', () => {
  it('has the parts, places and ends of the string that it stands for', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', '\n', ' ', '語', '🙂'), maxLength: 40 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 5 }), fc.nat(60), fc.nat(60), (pieces, one, other) => {
        const [string, long] = [pieces.join(''), longOf(...pieces)];
        const [start, end] = [Math.min(one, other), Math.max(one, other)];
        expect(long.length).toBe(string.length);
        expect(long.slice(start, end)).toBe(string.slice(start, end));
        expect(wholeOf(long.part(start, end))).toBe(string.slice(start, end));
        expect(long.charCodeAt(start)).toBe(string.charCodeAt(start));
        expect(long.lastIndexOf('\n', start)).toBe(string.lastIndexOf('\n', start));
        expect(wholeOf(long.trim())).toBe(string.trim());
        expect(utf8Length(long)).toBe(Buffer.byteLength(string));
      }),
    );
  });

  it('holds more than its pieces do', () => {
    const text = 'aé語'.repeat(800_000);
    const long = longOf(text);
    expect(long.length).toBe(2_400_000);
    expect(long.slice(1_048_570, 1_048_590)).toBe(text.slice(1_048_570, 1_048_590));
    expect(wholeOf(long) === text).toBe(true);
  });
});

describe('graphemeBorder', () => {
  it.each([
    ['plain text', 3, 3],
    ['a🙂b', 2, 1],
    ['ae\u0301b', 2, 1],
    ['a👩‍👩‍👧b', 5, 1],
    ['a👩‍👩‍👧b', 9, 9],
    [`${'x'.repeat(500)}🙂`, 501, 500],
    ['abc', 3, 3],
    ['', 0, 0],
  ])('of %j up to %i is %i', (text, position, border) => {
    expect(graphemeBorder(text, position)).toBe(border);
    expect(graphemeBorder(longOf(text), position)).toBe(border);
  });
});

describe('DocumentSplitter', () => {
  const split = (pieces: readonly string[], separator: string | null): string[] => {
    const splitter = new DocumentSplitter(separator);
    return [...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.end()].map(wholeOf);
  };

  it('cuts pieces as the whole text is cut', () => {
    const piece = fc.string({ unit: fc.constantFrom('a', '\n', '\r\n', '|', ' ', '🙂'), maxLength: 12 });
    const separators = fc.constantFrom(null, '\n\n', '|', '||', '\n|\n');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), separators, (pieces, separator) => {
        const text = pieces.join('').replaceAll('\r\n', '\n');
        const expected = documentsOf([{ where: 'x', columns: { text } }], { column: 'text', separator });
        expect(split(pieces, separator)).toEqual(expected);
      }),
    );
  });

  it('finds line ends and separators that two pieces share', () => {
    expect(split(['one\r', '\n\r', '\ntwo\n', '\nthree'], '\n\n')).toEqual(['one', 'two', 'three']);
    expect(split(['one<|endof', 'text|>two'], '<|endoftext|>')).toEqual(['one', 'two']);
  });

  it('keeps a document that is longer than a piece', () => {
    const pieces = Array.from({ length: 4 }, () => '語x'.repeat(300_000));
    expect(split([...pieces, '||', 'end'], '||')).toEqual([pieces.join(''), 'end']);
  });
});

describe('encodePieces', () => {
  const stories = Array.from({ length: 60 }, (_, at) => `the the story ${at}:\n\n  Answer 72 — ü🙂 the.\n`);

  it.each([
    ['gpt2', gpt2()],
    ['llama2', llama2()],
    ['llama3', llama3()],
  ])('gives the ids of the whole text: %s', (_, tokenizer) => {
    const text = stories.join('');
    const encode = (piece: string): number[] => tokenizer.encode(piece);
    for (const piece of [40, 97, 256]) {
      const pieces = [...encodePieces(text, encode, { whole: 10, piece })];
      expect(pieces.length).toBeGreaterThan(5);
      expect(pieces.flat()).toEqual(tokenizer.encode(text));
      expect([...encodePieces(longOf(text), encode, { whole: 10, piece })].flat()).toEqual(
        tokenizer.encode(text),
      );
    }
  });

  it('cuts between characters where nothing else fits', () => {
    const encode = (piece: string): number[] =>
      [...piece].map((character) => character.codePointAt(0) as number);
    const text = '🙂'.repeat(100);
    const ids = [...encodePieces(text, encode, { whole: 10, piece: 25 })].flat();
    expect(ids).toEqual(encode(text));
  });
});
