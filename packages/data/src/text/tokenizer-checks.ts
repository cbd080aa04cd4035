import { isJsonObject, quote } from '@foretoken/input';

type Fields = Readonly<Record<string, unknown>>;

/** Ids lie below this: four times what the largest vocabularies have. */
const MOST_IDS = 2 ** 22;
/** Characters of a text that is put in or looked for. */
const LONGEST_TEXT = 256;
/** Characters of a pattern; the longest in use has about 500. */
const LONGEST_PATTERN = 10_000;

/** Says that tokenizer.json is wrong; the caller names the file. */
class Refusal extends Error {}

function refuse(problem: string): never {
  throw new Refusal(problem);
}

/** What the library knows. It takes other models for a list of words. */
const MODELS = ['BPE', 'WordPiece', 'Unigram'];

/** Whether a field is what it should be, and its message. */
type Check = (value: unknown, where: string) => void;

const optional =
  (check: Check): Check =>
  (value, where) => {
    if (value !== undefined && value !== null) check(value, where);
  };

const text =
  (longest = LONGEST_TEXT): Check =>
  (value, where) => {
    if (typeof value !== 'string') refuse(`${where} is ${quote(value)}, expected text`);
    else if (value.length > longest)
      refuse(`${where} has ${value.length} characters; the limit is ${longest}`);
  };

const flag: Check = (value, where) => {
  if (typeof value !== 'boolean') refuse(`${where} is ${quote(value)}, expected true or false`);
};

const integer =
  (least: number, most: number): Check =>
  (value, where) => {
    if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
      refuse(`${where} is ${quote(value)}, expected a whole number from ${least} to ${most}`);
  };

const oneOf =
  (values: readonly string[]): Check =>
  (value, where) => {
    if (typeof value !== 'string' || !values.some((each) => each.toLowerCase() === value.toLowerCase()))
      refuse(`${where} is ${quote(value)}, expected one of ${values.join(', ')}`);
  };

const pattern: Check = (value, where) => {
  const written = isJsonObject(value) ? (value['Regex'] ?? value['String']) : undefined;
  if (typeof written !== 'string')
    refuse(`${where} is ${quote(value)}, expected {"Regex": ..} or {"String": ..}`);
  text(LONGEST_PATTERN)(written, where);
};

const listOf =
  (check: Check): Check =>
  (value, where) => {
    if (!Array.isArray(value)) refuse(`${where} is ${quote(value)}, expected a list`);
    for (const [at, item] of (value as unknown[]).entries()) check(item, `${where}[${at}]`);
  };

const unsupported = (where: string, type: unknown, kinds: readonly string[]): string =>
  type === undefined
    ? `${where} has no type; supported are ${kinds.join(', ')}`
    : `${where} has the type ${quote(type)}, which is not supported; supported are ${kinds.join(', ')}`;

type Kinds = Readonly<Record<string, Readonly<Record<string, Check>>>>;

const component = (kinds: () => Kinds): Check => {
  return (value, where) => {
    if (!isJsonObject(value)) return refuse(`${where} is ${quote(value)}, expected an object with a type`);
    const { type } = value;
    const fields = typeof type === 'string' && Object.hasOwn(kinds(), type) ? kinds()[type] : undefined;
    if (fields === undefined) return refuse(unsupported(where, type, Object.keys(kinds())));
    for (const [name, check] of Object.entries(fields)) check(value[name], `${where}.${name}`);
  };
};

const spaces = {
  replacement: optional(text()),
  str_rep: optional(text()),
  prepend_scheme: optional(oneOf(['always', 'first', 'never'])),
};

const NORMALIZERS: Kinds = {
  BertNormalizer: {},
  Precompiled: {},
  Sequence: { normalizers: listOf(component(() => NORMALIZERS)) },
  Replace: { pattern, content: optional(text()) },
  NFC: {},
  NFD: {},
  NFKC: {},
  NFKD: {},
  Strip: { strip_left: optional(flag), strip_right: optional(flag) },
  StripAccents: {},
  Lowercase: {},
  Prepend: { prepend: text() },
};

const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'];

const PRE_TOKENIZERS: Kinds = {
  BertPreTokenizer: {},
  Sequence: { pretokenizers: listOf(component(() => PRE_TOKENIZERS)) },
  Whitespace: {},
  WhitespaceSplit: {},
  Metaspace: spaces,
  ByteLevel: { add_prefix_space: optional(flag), use_regex: optional(flag) },
  Split: { pattern, behavior: optional(oneOf(BEHAVIORS)), invert: optional(flag) },
  Punctuation: {},
  Digits: { individual_digits: optional(flag) },
  Replace: { pattern, content: optional(text()) },
  FixedLength: { length: integer(1, 2 ** 20) },
};

const tokenOfTemplate: Check = (value, where) => {
  const item = isJsonObject(value) ? (value['SpecialToken'] ?? value['Sequence']) : undefined;
  if (!isJsonObject(item) || typeof item['id'] !== 'string')
    refuse(`${where} is ${quote(value)}, expected a SpecialToken or a Sequence with an id`);
};

const pairOfTokenAndId: Check = (value, where) => {
  if (!Array.isArray(value) || typeof value[0] !== 'string')
    refuse(`${where} is ${quote(value)}, expected a token and its id`);
};

const POST_PROCESSORS: Kinds = {
  TemplateProcessing: { single: listOf(tokenOfTemplate) },
  ByteLevel: {},
  RobertaProcessing: { sep: pairOfTokenAndId, cls: pairOfTokenAndId },
  BertProcessing: { sep: pairOfTokenAndId, cls: pairOfTokenAndId },
  Sequence: { processors: listOf(component(() => POST_PROCESSORS)) },
};

const DECODERS: Kinds = {
  ByteLevel: {},
  WordPiece: { prefix: optional(text()), cleanup: optional(flag) },
  Metaspace: spaces,
  BPEDecoder: { suffix: optional(text()) },
  CTC: { pad_token: optional(text()), word_delimiter_token: optional(text()), cleanup: optional(flag) },
  Sequence: { decoders: listOf(component(() => DECODERS)) },
  Replace: { pattern, content: optional(text()) },
  Fuse: {},
  Strip: {
    content: optional(text()),
    start: optional(integer(0, 2 ** 20)),
    stop: optional(integer(0, 2 ** 20)),
  },
  ByteFallback: {},
};

const id = integer(0, MOST_IDS - 1);

/** Tokens by id, so that an id stands for one token alone. */
class Ids {
  readonly #tokens = new Map<number, string>();
  readonly #ids = new Map<string, number>();

  add(token: string, value: unknown, where: string): void {
    id(value, where);
    const number = value as number;
    const other = this.#tokens.get(number);
    if (other !== undefined && other !== token)
      refuse(`${where} is ${number}, which is the id of ${quote(other)} already`);
    const before = this.#ids.get(token);
    if (before !== undefined && before !== number)
      refuse(`${where} is ${number}, but the vocab has ${quote(token)} as ${before}`);
    this.#tokens.set(number, token);
    this.#ids.set(token, number);
  }
}

function checkVocabulary(model: Fields, ids: Ids): void {
  const { vocab, type } = model;
  if (type === 'Unigram') {
    if (!Array.isArray(vocab) || vocab.length === 0)
      refuse(`model.vocab is ${quote(vocab)}, expected a list of tokens with their scores`);
    if (vocab.length > MOST_IDS) refuse(`model.vocab has ${vocab.length} tokens; the limit is ${MOST_IDS}`);
    for (const [at, entry] of vocab.entries()) {
      if (!Array.isArray(entry) || typeof entry[0] !== 'string' || !Number.isFinite(entry[1]))
        refuse(`model.vocab[${at}] is ${quote(entry)}, expected a token and its score`);
      ids.add(entry[0] as string, at, `model.vocab[${at}]`);
    }
    optional(integer(0, vocab.length - 1))(model['unk_id'], 'model.unk_id');
    return;
  }
  if (!isJsonObject(vocab))
    refuse(`model.vocab is ${quote(vocab)}, expected an object of tokens with their ids`);
  for (const [token, value] of Object.entries(vocab)) ids.add(token, value, `model.vocab[${quote(token)}]`);
}

const merge: Check = (value, where) => {
  const halves = typeof value === 'string' ? value.split(' ', 3) : value;
  if (
    !Array.isArray(halves) ||
    halves.length !== 2 ||
    halves.some((half) => typeof half !== 'string' || half === '')
  )
    refuse(`${where} is ${quote(value)}, expected two tokens`);
};

/** The type of a model that names none, as older files do. */
function typeOf({ type, vocab, merges, continuing_subword_prefix: prefix }: Fields): unknown {
  if (type !== undefined && type !== null) return type;
  if (Array.isArray(vocab)) return 'Unigram';
  if (merges !== undefined) return 'BPE';
  return prefix === undefined ? type : 'WordPiece';
}

function checkModel(model: Fields, ids: Ids): void {
  const type = model['type'];
  if (typeof type !== 'string' || !MODELS.includes(type)) refuse(unsupported('model', type, MODELS));
  checkVocabulary(model, ids);
  if (type === 'BPE') listOf(merge)(model['merges'], 'model.merges');
  const names = ['unk_token', 'end_of_word_suffix', 'continuing_subword_prefix', 'continuing_subword_suffix'];
  for (const name of names) optional(text())(model[name], `model.${name}`);
  for (const name of ['byte_fallback', 'ignore_merges', 'fuse_unk'])
    optional(flag)(model[name], `model.${name}`);
  optional(integer(1, 2 ** 20))(model['max_input_chars_per_word'], 'model.max_input_chars_per_word');
}

function checkAddedTokens(tokens: unknown, ids: Ids): void {
  listOf((value, where) => {
    if (!isJsonObject(value)) refuse(`${where} is ${quote(value)}, expected an object with id and content`);
    const { content } = value;
    text(10_000)(content, `${where}.content`);
    if (content === '') refuse(`${where}.content is empty`);
    ids.add(content as string, value['id'], `${where}.id`);
    for (const name of ['single_word', 'lstrip', 'rstrip', 'normalized', 'special'])
      optional(flag)(value[name], `${where}.${name}`);
  })(tokens, 'added_tokens');
}

/**
 * Checks tokenizer.json as far as the library trusts it, which takes unknown models for lists of words and wrong ids
 * for places of a list.
 *
 * @returns the model with its type; a string says what is wrong
 */
export function checkTokenizer(tokenizer: Fields, model: Fields): Fields | string {
  const ids = new Ids();
  const typed = { ...model, type: typeOf(model) };
  try {
    checkModel(typed, ids);
    optional(checkAdded(ids))(tokenizer['added_tokens'], 'added_tokens');
    optional(component(() => NORMALIZERS))(tokenizer['normalizer'], 'normalizer');
    optional(component(() => PRE_TOKENIZERS))(tokenizer['pre_tokenizer'], 'pre_tokenizer');
    optional(component(() => POST_PROCESSORS))(tokenizer['post_processor'], 'post_processor');
    optional(component(() => DECODERS))(tokenizer['decoder'], 'decoder');
    return typed;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

const checkAdded =
  (ids: Ids): Check =>
  (value) =>
    checkAddedTokens(value, ids);

/** Whether patterns of the file itself are run over texts, which may take for ever. */
export function hasPatterns(component: unknown): boolean {
  if (Array.isArray(component)) return component.some(hasPatterns);
  if (!isJsonObject(component)) return false;
  const { pattern: own } = component;
  if (isJsonObject(own) && typeof own['Regex'] === 'string') return true;
  return ['normalizers', 'pretokenizers', 'decoders'].some((name) => hasPatterns(component[name]));
}
