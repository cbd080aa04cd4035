import { ConfigError } from '@foretoken/nn';
import type { TransformerConfig } from './config.js';
import type { GenerateOptions } from './generate-options.js';

/** Token ids of one prompt; with C channels `[T, C]` flat, the ids of one token next to each other. */
export type Prompt = ArrayLike<number>;

/** What there is room for. */
export interface PromptRoom {
  readonly batch: number;
  /** Tokens of the longest prompt and its continuation. */
  readonly capacity: number;
  readonly channels: number;
  /** Prompts are filled up to a multiple of so many tokens. */
  readonly promptMultiple: number;
}

export interface PromptLayout {
  /** `[batch, time, channels]` */
  readonly tokens: Int32Array;
  /** `[batch]`: how many places of each row are filling. */
  readonly padding: Int32Array;
  readonly time: number;
  /** Most new tokens of each prompt. */
  readonly limits: readonly number[];
}

/**
 * Most new tokens behind a prompt of `length` tokens.
 *
 * @throws ConfigError when it has less room than is asked for, unless it may stop where that ends, and when it has none
 */
export function newTokenLimit(
  length: number,
  capacity: number,
  { maxNewTokens, whenFull = 'refuse' }: Pick<GenerateOptions, 'maxNewTokens' | 'whenFull'>,
): number {
  // The last new token is never read again, so it needs no slot.
  const room = capacity - length + 1;
  if (length <= capacity && (whenFull === 'stop' || maxNewTokens <= room))
    return Math.min(maxNewTokens, room);
  throw new ConfigError(
    `generate: a prompt of ${length} tokens and ${maxNewTokens} new ones exceed the capacity of ${capacity}.`,
  );
}

/**
 * Lays prompts out, filled up with -1 in front, and with empty rows below.
 *
 * @throws ConfigError naming the first prompt that has ids the model does not know, or that does not fit
 */
export function layOutPrompts(
  prompts: readonly Prompt[],
  options: Pick<GenerateOptions, 'maxNewTokens' | 'whenFull'>,
  model: TransformerConfig,
  { batch, capacity, channels, promptMultiple }: PromptRoom,
): PromptLayout {
  if (prompts.length > batch) {
    throw new ConfigError(`generate: ${prompts.length} prompts exceed the batch of ${batch}.`);
  }
  prompts.forEach((prompt, row) => {
    checkPrompt(prompt, row, model, channels);
  });
  const lengths = prompts.map((prompt) => prompt.length / channels);
  const limits = lengths.map((length) => newTokenLimit(length, capacity, options));
  const longest = lengths.reduce((most, length) => Math.max(most, length), 1);
  const unused = capacity - Math.max(0, Math.min(options.maxNewTokens, capacity) - 1);
  const time = Math.max(longest, Math.min(unused, promptMultiple * Math.ceil(longest / promptMultiple)));
  const tokens = new Int32Array(batch * time * channels).fill(-1);
  const padding = new Int32Array(batch);
  prompts.forEach((prompt, row) => {
    padding[row] = time - prompt.length / channels;
    tokens.set(prompt, (row + 1) * time * channels - prompt.length);
  });
  return { tokens, padding, time, limits };
}

function checkPrompt(
  prompt: Prompt,
  row: number,
  { vocabularySize, channelVocabularySizes }: TransformerConfig,
  channels: number,
): void {
  const sizes = [vocabularySize, ...channelVocabularySizes];
  if (prompt.length === 0 || prompt.length % channels !== 0) {
    throw new ConfigError(
      `generate: prompt ${row} has ${prompt.length} ids; expected at least one token of ${channels}.`,
    );
  }
  for (let at = 0; at < prompt.length; at++) {
    const id = prompt[at] as number;
    const size = sizes[at % channels] ?? 0;
    if (!Number.isInteger(id) || id < -1 || id >= size) {
      throw new ConfigError(
        `generate: prompt ${row} has id ${id} at ${at}; expected -1 (nothing) to ${size - 1} in channel ${at % channels}.`,
      );
    }
  }
}

/** `[rows]` to `[batch, channels]`: new tokens have nothing but channel 0. */
export function inChannels(
  tokens: Int32Array,
  { batch, channels }: Pick<PromptRoom, 'batch' | 'channels'>,
): Int32Array {
  const filled = new Int32Array(batch * channels).fill(-1);
  tokens.forEach((token, row) => {
    filled[row * channels] = token;
  });
  return filled;
}
