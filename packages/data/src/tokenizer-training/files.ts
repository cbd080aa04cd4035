import type { TokenizerFiles } from '../text/tokenizer-files.js';
import type { BytePairs } from './byte-pairs.js';

const special = (content: string, id: number): object => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

/** What all of these have in common. */
const shared = (specialTokens: readonly string[]) => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: specialTokens.map(special),
  normalizer: null,
});

const model = (tokens: readonly string[], unknownToken: string | null, merges: readonly string[]) => ({
  type: 'BPE',
  dropout: null,
  unk_token: unknownToken,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
  vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
  merges,
});

const config = (endToken: string, unknownToken?: string) => ({
  tokenizer_class: 'PreTrainedTokenizerFast',
  bos_token: endToken,
  eos_token: endToken,
  ...(unknownToken === undefined ? {} : { unk_token: unknownToken }),
  add_bos_token: false,
  add_prefix_space: false,
  clean_up_tokenization_spaces: false,
});

/** A byte-level tokenizer as GPT-2's files have it. */
export function bytePairFiles({ tokens, merges }: BytePairs, endToken: string): TokenizerFiles {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    tokenizer: {
      ...shared([endToken]),
      pre_tokenizer: byteLevel,
      post_processor: { ...byteLevel, trim_offsets: false },
      decoder: byteLevel,
      model: model(
        tokens,
        null,
        merges.map(([left, right]) => `${left} ${right}`),
      ),
    },
    config: config(endToken),
  };
}

/** A tokenizer of characters: a byte-pair encoding of single characters without any merges. */
export function characterFiles(
  characters: readonly string[],
  { endToken, unknownToken }: { readonly endToken: string; readonly unknownToken: string },
): TokenizerFiles {
  const specialTokens = [endToken, unknownToken];
  return {
    tokenizer: {
      ...shared(specialTokens),
      pre_tokenizer: { type: 'Split', pattern: { Regex: '[\\s\\S]' }, behavior: 'Isolated', invert: false },
      post_processor: null,
      decoder: { type: 'Fuse' },
      model: model([...specialTokens, ...characters], unknownToken, []),
    },
    config: config(endToken, unknownToken),
  };
}
