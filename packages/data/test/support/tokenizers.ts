// Small tokenizers by hand, in the forms of GPT-2 (byte-level), Llama 3 and Qwen (byte-level behind a split by
// pattern), and Llama 2 (SentencePiece with byte fallback).
import { TextTokenizer, type TokenizerFiles } from '../../src/index.js';

/** The printable character that stands for each byte in byte-level vocabularies. */
function byteCharacters(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

const CHARACTERS = byteCharacters();

const inBytes = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (byte) => CHARACTERS[byte]).join('');

/** Merges that build each word from the left: `the` needs `t h` and `th e`. */
function mergesOf(words: readonly string[]): [string, string][] {
  const merges = new Map<string, [string, string]>();
  for (const word of words) {
    const letters = Array.from(word);
    for (let end = 1; end < letters.length; end++) {
      const pair: [string, string] = [letters.slice(0, end).join(''), letters[end] as string];
      merges.set(pair.join(' '), pair);
    }
  }
  return [...merges.values()];
}

function vocabularyOf(tokens: readonly string[]): Record<string, number> {
  return Object.fromEntries([...new Set(tokens)].map((token, id) => [token, id]));
}

const added = (content: string, id: number) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

function byteLevel(
  words: readonly string[],
  preTokenizer: unknown,
  special: readonly string[],
): TokenizerFiles {
  const merges = mergesOf(words.map(inBytes));
  const vocab = vocabularyOf([...CHARACTERS, ...merges.map((pair) => pair.join(''))]);
  const size = Object.keys(vocab).length;
  return {
    tokenizer: {
      version: '1.0',
      added_tokens: special.map((content, at) => added(content, size + at)),
      normalizer: null,
      pre_tokenizer: preTokenizer,
      post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: { type: 'BPE', dropout: null, unk_token: null, vocab, merges },
    },
    config: { eos_token: '<|endoftext|>', bos_token: '<|endoftext|>', add_bos_token: false },
  };
}

export const gpt2Files = (words: readonly string[] = []): TokenizerFiles =>
  byteLevel(
    ['the', ' the', ' Answer', 'Answer', ' 72', '72', 'Question', '\n\n', ...words],
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    ['<|endoftext|>'],
  );

/** Punctuation takes the line ends behind it into its token, as in Llama 3 and Qwen 2. */
export const llama3Files = (words: readonly string[] = []): TokenizerFiles => {
  const files = byteLevel(
    ['Answer', ' 72', ':\n', ':\n\n', '\n\n', ...words],
    {
      type: 'Sequence',
      pretokenizers: [
        {
          type: 'Split',
          pattern: {
            Regex:
              "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
          },
          behavior: 'Isolated',
          invert: false,
        },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    ['<|begin_of_text|>', '<|end_of_text|>'],
  );
  const { tokenizer } = files as { tokenizer: { model: { vocab: object } } };
  const begin = Object.keys(tokenizer.model.vocab).length;
  return {
    tokenizer: {
      ...tokenizer,
      post_processor: {
        type: 'TemplateProcessing',
        single: [
          { SpecialToken: { id: '<|begin_of_text|>', type_id: 0 } },
          { Sequence: { id: 'A', type_id: 0 } },
        ],
        pair: [],
        special_tokens: {
          '<|begin_of_text|>': { id: '<|begin_of_text|>', ids: [begin], tokens: ['<|begin_of_text|>'] },
        },
      },
    },
    config: {
      bos_token: { content: '<|begin_of_text|>', lstrip: false },
      eos_token: { content: '<|end_of_text|>', lstrip: false },
      model_max_length: 1e30,
      clean_up_tokenization_spaces: true,
    },
  };
};

export const llama2Files = (words: readonly string[] = []): TokenizerFiles => {
  const space = '\u2581';
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  const letters = Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at));
  const merges = mergesOf([...words, 'the', `${space}the`, 'Answer', `${space}Answer`, '72', `${space}72`]);
  const vocab = vocabularyOf([
    '<unk>',
    '<s>',
    '</s>',
    ...bytes,
    space,
    ...letters,
    ...merges.map((pair) => pair.join('')),
  ]);
  return {
    tokenizer: {
      version: '1.0',
      added_tokens: [added('<unk>', 0), added('<s>', 1), added('</s>', 2)],
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Prepend', prepend: space },
          { type: 'Replace', pattern: { String: ' ' }, content: space },
        ],
      },
      pre_tokenizer: null,
      post_processor: null,
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: space }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          { type: 'Strip', content: ' ', start: 1, stop: 0 },
        ],
      },
      model: { type: 'BPE', unk_token: '<unk>', fuse_unk: true, byte_fallback: true, vocab, merges },
    },
    config: { add_bos_token: true, add_eos_token: false, model_max_length: 2048 },
    specialTokens: { bos_token: '<s>', eos_token: '</s>', unk_token: { content: '<unk>' } },
  };
};

export const gpt2 = (words?: readonly string[]): TextTokenizer => new TextTokenizer(gpt2Files(words), 'gpt2');
export const llama2 = (words?: readonly string[]): TextTokenizer =>
  new TextTokenizer(llama2Files(words), 'llama2');
export const llama3 = (words?: readonly string[]): TextTokenizer =>
  new TextTokenizer(llama3Files(words), 'llama3');
