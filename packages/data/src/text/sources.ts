import { TaskConfigError } from '../errors.js';
import type { TextRecord } from './record.js';
import type { TextTokenizer } from './tokenizer.js';

/** What a task of text is made of besides its settings. */
export interface TextSources {
  readonly tokenizer: TextTokenizer;
  readonly train: readonly TextRecord[];
  /** Held out of `train` by seed when absent. */
  readonly validation?: readonly TextRecord[] | undefined;
  readonly test?: readonly TextRecord[] | undefined;
}

/**
 * @param setting - name of the setting that holds `time`
 * @throws TaskConfigError when sequences are to be longer than the context that the tokenizer names for its model
 */
export function checkContext(
  owner: string,
  setting: string,
  time: number,
  { name, modelMaxLength }: TextTokenizer,
): void {
  if (modelMaxLength === undefined || time <= modelMaxLength) return;
  throw new TaskConfigError(
    `${owner}: ${setting} ${time} exceeds the context of the model, ${modelMaxLength} tokens (model_max_length of ${name}). ` +
      `Use at most ${modelMaxLength}.`,
  );
}

/**
 * The token that ends a text, as a list to be joined to one; empty when it is not wanted.
 *
 * @throws TaskConfigError when it is wanted and the tokenizer has none
 */
export function endingOf(
  owner: string,
  { endToken: wanted }: { readonly endToken: boolean },
  { name, endToken }: TextTokenizer,
): readonly number[] {
  if (!wanted) return [];
  if (endToken !== undefined) return [endToken];
  throw new TaskConfigError(
    `${owner}: ${name} names no eos_token to end texts with. Name it in tokenizer_config.json, or set endToken: false.`,
  );
}

/** What a report says of tokens that the tokenizer does not know. */
export const describeUnknown = (share: number): string[] =>
  share === 0 ? [] : [`${(100 * share).toFixed(2)}% of the tokens are unknown to the tokenizer`];

/** Counts tokens, and those among them that the tokenizer does not know. */
export class TokenCount {
  tokens = 0;
  #unknown = 0;
  readonly #unknownToken: number | undefined;

  constructor({ unknownToken }: TextTokenizer) {
    this.#unknownToken = unknownToken;
  }

  add(ids: ArrayLike<number>): void {
    this.tokens += ids.length;
    for (let at = 0; at < ids.length; at++) if (ids[at] === this.#unknownToken) this.#unknown++;
  }

  /** Share of unknown tokens; 0 without any token. */
  get unknownShare(): number {
    return this.#unknown / Math.max(this.tokens, 1);
  }
}
