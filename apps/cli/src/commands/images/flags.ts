import { UsageError } from '../../errors.js';
import { optionalNumber, wholeNumber } from '../bench/flags.js';

/** Flags of the commands that draw images. */
export interface SamplingFlags {
  readonly tokenizer?: string;
  readonly guidance: number;
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly seed: number;
  readonly batch: number;
}

/** A parser of numbers that keep a rule, which the message tells. */
export const numberBetween =
  (rule: string, holds: (value: number) => boolean) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || !holds(value))
      throw new UsageError(`expected a number ${rule}.`);
    return value;
  };

export const samplingFlags = {
  tokenizer: {
    kind: 'parsed',
    parse: String,
    optional: true,
    brief: 'Folder of the tokenizer [default = "tokenizer" beside the training tokens]',
  },
  guidance: {
    kind: 'parsed',
    parse: numberBetween('of at least 0', (value) => value >= 0),
    default: '2',
    brief: 'Scale of classifier-free guidance; 1 is none',
  },
  temperature: {
    kind: 'parsed',
    parse: numberBetween('of at least 0', (value) => value >= 0),
    default: '1',
    brief: 'Divides the logits; 0 always takes the likeliest token',
  },
  topK: optionalNumber('Draw among the k likeliest tokens only'),
  topP: {
    kind: 'parsed',
    parse: numberBetween('above 0 and at most 1', (value) => value > 0 && value <= 1),
    optional: true,
    brief: 'Draw among the likeliest tokens that reach this probability together',
  },
  seed: { kind: 'parsed', parse: wholeNumber(0), default: '0', brief: 'Seed of the draws' },
  batch: { kind: 'parsed', parse: wholeNumber(), default: '64', brief: 'Images at a time' },
} as const;

/** Sampling options from the flags; what was not given is not there. */
export const samplingOf = ({ guidance, temperature, topK, topP, seed, batch }: SamplingFlags) => ({
  guidance,
  temperature,
  seed,
  batch,
  ...(topK === undefined ? {} : { topK }),
  ...(topP === undefined ? {} : { topP }),
});
