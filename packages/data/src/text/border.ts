import type { TextTokenizer } from './tokenizer.js';

/** A prompt and its answer in tokens. */
export interface EncodedPair {
  /** What generation is given: the ids of the prompt alone, with the token that begins a text. */
  readonly prompt: readonly number[];
  /** The ids that the model is to write behind the prompt, without an end token. */
  readonly answer: readonly number[];
  /** `joint`: prompt and answer are the tokens of the whole text; `apart`: the answer was encoded for itself. */
  readonly border: 'joint' | 'apart';
}

/** Texts that an answer is encoded behind, to keep its first word from being taken for the beginning of a text. */
const ANCHORS = ['\n', 'a', '.', ':', '0', '|'];

const startsWith = (ids: readonly number[], start: readonly number[]): boolean =>
  start.length <= ids.length && start.every((id, at) => ids[at] === id);

/**
 * Encodes a prompt and its answer so that training sees the prompt in the very tokens that generation will be given,
 * namely those of the prompt alone.
 *
 * Where the tokens of the whole text begin with them, the rest is the answer. Where a token would reach across the
 * border (a tokenizer may have one for `:\n`), a cut in the whole text would have training end the prompt with tokens
 * that generation never sees, and counting the tokens of the prompt would be off by one. The answer is then encoded
 * behind the prompt as it stands: the first encoding of it alone that decodes to the whole text.
 *
 * Put spaces at the border into the answer (`Answer:` and ` 72`): most tokenizers write a word together with the space
 * before it. {@link parseTemplate} does so.
 */
export function encodePair(tokenizer: TextTokenizer, prompt: string, answer: string): EncodedPair {
  const before = tokenizer.encode(prompt, { begin: tokenizer.addsBeginToken });
  const whole = tokenizer.encode(prompt + answer, { begin: tokenizer.addsBeginToken });
  if (startsWith(whole, before)) {
    return { prompt: before, answer: whole.slice(before.length), border: 'joint' };
  }
  const text = tokenizer.decode(whole, { skipSpecial: false });
  const fits = (ids: readonly number[]): boolean =>
    tokenizer.decode([...before, ...ids], { skipSpecial: false }) === text;
  const alone = tokenizer.encode(answer);
  const apart = [alone, ...behindAnchors(tokenizer, answer)].find(fits) ?? alone;
  return { prompt: before, answer: apart, border: 'apart' };
}

function* behindAnchors(tokenizer: TextTokenizer, text: string): Generator<number[]> {
  for (const anchor of ANCHORS) {
    const start = tokenizer.encode(anchor);
    const ids = tokenizer.encode(anchor + text);
    if (startsWith(ids, start)) yield ids.slice(start.length);
  }
}
