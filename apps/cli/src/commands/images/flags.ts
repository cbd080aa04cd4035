import {
  numberAboveZero,
  numberFrom,
  optionalNumber,
  optionalText,
  seedNumber,
  wholeNumber,
} from '../../flags.js';

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

export const samplingFlags = {
  tokenizer: optionalText(
    'DIR',
    'Folder of the tokenizer [default = "tokenizer" beside the training tokens]',
  ),
  guidance: {
    kind: 'parsed',
    placeholder: 'X',
    parse: numberFrom(0, 1000),
    default: '2',
    brief: 'Scale of classifier-free guidance; 1 is none',
  },
  temperature: {
    kind: 'parsed',
    placeholder: 'X',
    parse: numberFrom(0, 1000),
    default: '1',
    brief: 'Divides the logits; 0 always takes the likeliest token',
  },
  topK: optionalNumber('Draw among the k likeliest tokens only'),
  topP: {
    kind: 'parsed',
    placeholder: 'X',
    parse: numberAboveZero(1),
    optional: true,
    brief: 'Draw among the likeliest tokens that reach this probability together',
  },
  seed: { kind: 'parsed', placeholder: 'N', parse: seedNumber, default: '0', brief: 'Seed of the draws' },
  batch: {
    kind: 'parsed',
    placeholder: 'N',
    parse: wholeNumber(1, 65_536),
    default: '64',
    brief: 'Images at a time',
  },
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
