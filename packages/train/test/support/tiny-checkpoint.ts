import { fileURLToPath } from 'node:url';
import type { TokenizerFiles } from '@foretoken/data';

/** A random checkpoint of 19 tokens. */
export const checkpointFolder = (name: string): string =>
  fileURLToPath(new URL(`../../../models/test/fixtures/checkpoints/${name}`, import.meta.url));

/** A token for each of 18 characters and the one that ends a text; those of `more` take the place of as many. */
export function tinyTokenizerFiles(more = ''): TokenizerFiles {
  const characters = [...'0123456789+=#\n abc'.slice(0, 18 - more.length), ...more];
  const vocab = Object.fromEntries(
    characters.map((character, id) => [character === ' ' ? '\u2581' : character, id]),
  );
  const end = {
    id: 18,
    content: '</s>',
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  };
  return {
    tokenizer: {
      version: '1.0',
      added_tokens: [{ ...end, special: true }],
      normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' },
      pre_tokenizer: null,
      post_processor: null,
      decoder: {
        type: 'Sequence',
        decoders: [{ type: 'Replace', pattern: { String: '\u2581' }, content: ' ' }, { type: 'Fuse' }],
      },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        fuse_unk: false,
        vocab: { ...vocab, '</s>': 18 },
        merges: [],
      },
    },
    config: { eos_token: '</s>' },
  };
}
