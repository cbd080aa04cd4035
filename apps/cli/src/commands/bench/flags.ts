import { findObjective } from '@foretoken/objectives';
import type { Device } from '@foretoken/tensor';
import { chooseSize, type NamedSize, type StepSize } from '../../bench/sizes.js';
import { type RegisterLayout, type Workload, workloadOf } from '../../bench/training.js';
import { openTunedDevice } from '../../device.js';
import { UsageError } from '../../errors.js';
import { numberAboveZero, optionalNumber, seedNumber, text, wholeNumber } from '../../flags.js';

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
    placeholder: 'NAME',
    parse: text,
    default: 'S',
    brief: 'Named size, S or M; the flags below replace its fields',
  },
  layers: optionalNumber('Blocks of the model', 10_000),
  width: optionalNumber('Width of the model', 2 ** 20),
  heads: optionalNumber('Attention heads', 2 ** 20),
  vocab: optionalNumber('Tokens of the vocabulary', 2 ** 20),
  context: { ...optionalNumber('Tokens of a sequence'), parse: wholeNumber(2, 2 ** 20) },
  batch: optionalNumber('Sequences of a step', 65_536),
} as const;

export const namedSize = ({ size, ...fields }: SizeFlags): NamedSize => chooseSize(size, fields);

/** Flags of the commands that train. */
export interface WorkloadFlags {
  readonly objective: string;
  readonly registers?: number;
  readonly seed: number;
  readonly precision: 'f32' | 'f16';
  readonly checkpointing: 'none' | 'blocks';
}

export const workloadFlags = {
  objective: {
    kind: 'parsed',
    placeholder: 'NAME',
    parse: text,
    default: 'ntp',
    brief: 'Objective: see "foretoken objectives"',
  },
  registers: {
    kind: 'parsed',
    placeholder: 'X',
    parse: numberAboveZero(1),
    optional: true,
    brief: 'mutor: share of the positions that have a register [default = 1]',
  },
  seed: {
    kind: 'parsed',
    placeholder: 'N',
    parse: seedNumber,
    default: '0',
    brief: 'Seed of model and tokens',
  },
  precision: {
    kind: 'enum',
    values: ['f32', 'f16'],
    default: 'f32',
    brief: 'Type of weights and activations in linear layers and attention',
  },
  checkpointing: {
    kind: 'enum',
    values: ['none', 'blocks'],
    default: 'none',
    brief: 'Keep only what enters each block, and compute the rest again for the gradient',
  },
} as const;

/** The objective that is asked for. @throws UsageError where it has no registers and a flag of theirs is given */
export function objectiveName(flags: WorkloadFlags & { readonly layout?: string }): string {
  const { name } = findObjective(flags.objective);
  for (const flag of ['registers', 'layout'] as const) {
    if (flags[flag] !== undefined && name !== 'mutor') {
      throw new UsageError(`--${flag}: ${name} has no registers. Use it with --objective mutor.`);
    }
  }
  return name;
}

/** What the flags ask to train; `size` where it is not theirs. */
export function workloadOfFlags(
  flags: SizeFlags & WorkloadFlags & { readonly layout?: RegisterLayout },
  size: StepSize = namedSize(flags).size,
): Workload {
  const { seed, registers = 1, layout = 'appended', precision, checkpointing } = flags;
  const model = { precision, activationCheckpointing: checkpointing };
  return workloadOf(objectiveName(flags), size, { seed, registers, layout, model });
}

/** Runs something with a device of its own. */
export async function withDevice<Result>(body: (device: Device) => Promise<Result>): Promise<Result> {
  const device = await openTunedDevice();
  try {
    return await body(device);
  } finally {
    device.close();
  }
}
