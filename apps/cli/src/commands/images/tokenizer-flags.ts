import { UsageError } from '../../errors.js';
import {
  numberAboveZero,
  numberFrom,
  optionalNumber,
  optionalText,
  seedNumber,
  wholeNumber,
} from '../../flags.js';

const KINDS = ['codebook', 'autoencoder'] as const;

type TokenizerKind = (typeof KINDS)[number];

/** Flags of the command that learns a tokenizer. Those that were not given are undefined, so that one out of place is seen. */
export interface TokenizerFlags {
  readonly tokenizer?: string;
  readonly kind?: TokenizerKind;
  readonly patch?: number;
  readonly codes?: number;
  readonly images?: number;
  readonly seed?: number;
  readonly rounds?: number;
  readonly steps?: number;
  readonly batch?: number;
  readonly learningRate?: number;
  readonly commitment?: number;
  readonly codeWidth?: number;
  readonly width?: number;
  readonly layers?: number;
  readonly heads?: number;
}

const BOTH = ['patch', 'codes', 'images', 'seed'] as const;

const OWN = {
  codebook: ['rounds'],
  autoencoder: ['steps', 'batch', 'learningRate', 'commitment', 'codeWidth', 'width', 'layers', 'heads'],
} as const;

const flagOf = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/**
 * What to learn, `undefined` where a tokenizer that is there is taken.
 *
 * @throws UsageError for a flag that would change nothing
 */
export function tokenizerKind(flags: TokenizerFlags): TokenizerKind | undefined {
  if (flags.tokenizer !== undefined) {
    const given = (['kind', ...BOTH, ...OWN.codebook, ...OWN.autoencoder] as const).find(
      (name) => flags[name] !== undefined,
    );
    if (given === undefined) return undefined;
    throw new UsageError(`${flagOf(given)}: nothing is learned with --tokenizer. Leave one of them out.`);
  }
  const { kind = 'codebook' } = flags;
  for (const other of KINDS) {
    const given = OWN[other].find((name) => flags[name] !== undefined);
    if (other === kind || given === undefined) continue;
    throw new UsageError(`${flagOf(given)}: a tokenizer of --kind ${kind} has none. Give --kind ${other}.`);
  }
  return kind;
}

export const tokenizerFlags = {
  tokenizer: optionalText('DIR', 'Folder of a tokenizer, instead of learning one'),
  kind: {
    kind: 'enum',
    values: KINDS,
    optional: true,
    brief: 'What to learn: a codebook of patches, or a vector-quantising autoencoder [default = codebook]',
  },
  patch: optionalNumber('Height and width of a patch [default = 4]', 256),
  codes: { ...optionalNumber('Codes of the codebook [default = 128]'), parse: wholeNumber(2, 65_536) },
  images: optionalNumber(
    'Training images to learn from [default = 4096 for a codebook, all for an autoencoder]',
  ),
  seed: { ...optionalNumber('Seed of what is learned [default = 0]'), parse: seedNumber },
  rounds: optionalNumber('codebook: rounds of k-means at most [default = 30]', 10_000),
  steps: optionalNumber('autoencoder: steps of training [default = 1500]', 10_000_000),
  batch: optionalNumber('autoencoder: images of a step [default = 64]', 65_536),
  learningRate: {
    kind: 'parsed',
    placeholder: 'X',
    parse: numberAboveZero(1000),
    optional: true,
    brief: 'autoencoder: highest learning rate [default = 0.002]',
  },
  commitment: {
    kind: 'parsed',
    placeholder: 'X',
    parse: numberFrom(0, 1000),
    optional: true,
    brief: 'autoencoder: factor of the commitment loss [default = 0.25]',
  },
  codeWidth: optionalNumber('autoencoder: numbers of a code [default = 8]', 4096),
  width: optionalNumber('autoencoder: width of encoder and decoder [default = 64]', 65_536),
  layers: optionalNumber('autoencoder: blocks of each of them [default = 2]', 1000),
  heads: optionalNumber('autoencoder: attention heads [default = 4]', 65_536),
} as const;
