import { type Device, openDevice } from '@foretoken/tensor';
import { chooseSize, type NamedSize } from '../../bench/sizes.js';
import { UsageError } from '../../errors.js';

/** A parser of whole numbers of at least `least`; the argument parser names flag and value. */
export const wholeNumber =
  (least = 1) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new UsageError(`expected a whole number of at least ${least}.`);
    }
    return value;
  };

export const optionalNumber = (brief: string) =>
  ({ kind: 'parsed', parse: wholeNumber(), optional: true, brief }) as const;

export const jsonFlag = { kind: 'boolean', default: false, brief: 'Print JSON' } as const;

/** Flags of the commands that make a model. */
export interface SizeFlags {
  readonly size: string;
  readonly layers?: number;
  readonly width?: number;
  readonly heads?: number;
  readonly vocab?: number;
  readonly context?: number;
  readonly batch?: number;
}

export const sizeFlags = {
  size: {
    kind: 'parsed',
    parse: String,
    default: 'S',
    brief: 'Named size, S or M; the flags below replace its fields',
  },
  layers: optionalNumber('Blocks of the model'),
  width: optionalNumber('Width of the model'),
  heads: optionalNumber('Attention heads'),
  vocab: optionalNumber('Tokens of the vocabulary'),
  context: { ...optionalNumber('Tokens of a sequence'), parse: wholeNumber(2) },
  batch: optionalNumber('Sequences of a step'),
} as const;

export const namedSize = ({ size, ...fields }: SizeFlags): NamedSize => chooseSize(size, fields);

/** One line on standard error; standard output carries the result alone. */
export const tell = (text: string): void => void process.stderr.write(`${text}\n`);

/** Runs something with a device of its own. */
export async function withDevice<Result>(body: (device: Device) => Promise<Result>): Promise<Result> {
  const device = await openDevice();
  try {
    return await body(device);
  } finally {
    device.close();
  }
}
