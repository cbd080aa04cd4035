import { describe, expect, it } from 'vitest';
import { parseCorpusConfig, typedSeparator, typedText } from '../src/index.js';

describe('typedText', () => {
  it.each([
    [String.raw`\n\n`, '\n\n'],
    [String.raw`a\tb\r\n`, 'a\tb\r\n'],
    [String.raw`\\n`, String.raw`\n`],
    [String.raw`\d+ \q`, String.raw`\d+ \q`],
    ['"\\n---\\n"', '\n---\n'],
    ['"open', '"open'],
    ['"a" "b"', '"a" "b"'],
    ['\n\n', '\n\n'],
    ['', ''],
  ])('%j is %j', (typed, text) => {
    expect(typedText(typed)).toBe(text);
  });
});

describe('a separator', () => {
  it.each([
    [String.raw`\n\n`, '\n\n'],
    ['none', null],
    ['null', null],
    ['<|endoftext|>', '<|endoftext|>'],
    ['5', '5'],
  ])('%j is %j as a flag', (typed, separator) => {
    expect(typedSeparator(typed, '--separator')).toBe(separator);
  });

  it('is not empty', () => {
    expect(() => typedSeparator('', '--separator')).toThrow('--separator: expected a text between documents');
  });

  it('means the same in settings, however often they are read', () => {
    const once = parseCorpusConfig({ separator: String.raw`\n\n` });
    expect(once.separator).toBe('\n\n');
    expect(parseCorpusConfig(once)).toEqual(once);
    expect(parseCorpusConfig({ separator: null }).separator).toBeNull();
  });
});
