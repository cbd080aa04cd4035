import { isJsonObject, printable, quote, shorten } from '@foretoken/input';
import { TokenizerError } from '../errors.js';
import { checkTokenizer, hasPatterns } from './tokenizer-checks.js';
import { wordSplit } from './word-split.js';

/** Parsed JSON of the files of a tokenizer. */
export interface TokenizerFiles {
  /** `tokenizer.json` */
  readonly tokenizer: unknown;
  /** `tokenizer_config.json` */
  readonly config?: unknown;
  /** `special_tokens_map.json`, which names special tokens where the config does not. */
  readonly specialTokens?: unknown;
}

/** What the files say, with the forms that several versions of transformers wrote made one. */
export interface TokenizerSettings {
  readonly tokenizer: object;
  readonly config: object;
  readonly beginToken: string | undefined;
  readonly endToken: string | undefined;
  readonly padToken: string | undefined;
  readonly unknownToken: string | undefined;
  readonly addsBeginToken: boolean | undefined;
  readonly modelMaxLength: number | undefined;
  /** Whether the model is Unigram's, which searches a whole text at once. */
  readonly unigram: boolean;
  /** Whether patterns of the files run over texts: before they are encoded, and when they are decoded. */
  readonly patterns: { readonly encode: boolean; readonly decode: boolean };
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, file: string, name: string): Fields {
  if (value === undefined) return {};
  if (isJsonObject(value)) return value;
  throw new TokenizerError(`${name}: ${file} holds ${quote(value)}, expected an object.`);
}

/** A special token: its text, or an object with it under `content`. */
function tokenOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return isJsonObject(value) && typeof value['content'] === 'string' ? value['content'] : undefined;
}

// Tokenizers without a limit store 1e30 or so.
const LONGEST = 1e9;

/** The parts of tokenizer.json that may be absent in older files. */
const OPTIONAL_PARTS = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };

/** @throws TokenizerError when tokenizer.json is no tokenizer at all */
export function readTokenizerSettings(files: TokenizerFiles, name: string): TokenizerSettings {
  const tokenizer = fieldsOf(files.tokenizer, 'tokenizer.json', name);
  const config = fieldsOf(files.config, 'tokenizer_config.json', name);
  const specialTokens = fieldsOf(files.specialTokens, 'special_tokens_map.json', name);
  if (!isJsonObject(tokenizer['model']) || tokenizer['model']['vocab'] === undefined) {
    const keys = shorten(printable(Object.keys(tokenizer).slice(0, 5).join(', ')), 200);
    throw new TokenizerError(
      `${name}: tokenizer.json has no model with a vocab (found: ${keys || 'nothing'}). ` +
        'Expected the file of that name that Hugging Face tokenizers are saved with.',
    );
  }
  const model = checkTokenizer(tokenizer, tokenizer['model']);
  if (typeof model === 'string') {
    throw new TokenizerError(
      `${name}: tokenizer.json cannot be used: ${model}. Expected the file of that name that Hugging Face tokenizers are saved with.`,
    );
  }
  const split = wordSplit(tokenizer, model);
  const { normalizer, pre_tokenizer, decoder } = tokenizer;
  const special = (key: string): string | undefined => tokenOf(config[key]) ?? tokenOf(specialTokens[key]);
  const length = config['model_max_length'];
  const adds = config['add_bos_token'];
  return {
    tokenizer: {
      ...OPTIONAL_PARTS,
      ...tokenizer,
      ...(split === undefined ? {} : { pre_tokenizer: split }),
      model,
      added_tokens: tokenizer['added_tokens'] ?? [],
    },
    config,
    beginToken: special('bos_token'),
    endToken: special('eos_token'),
    padToken: special('pad_token'),
    unknownToken: special('unk_token'),
    addsBeginToken: typeof adds === 'boolean' ? adds : undefined,
    modelMaxLength: typeof length === 'number' && length > 0 && length < LONGEST ? length : undefined,
    unigram: model['type'] === 'Unigram',
    patterns: { encode: hasPatterns([normalizer, pre_tokenizer]), decode: hasPatterns(decoder) },
  };
}
