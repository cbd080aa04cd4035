import type { TuneReport } from '@foretoken/tensor';
import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { TrainingStep } from '../bench/training.js';
import { jsonFlag, wholeNumber } from '../flags.js';
import { formatTable } from '../format.js';
import { tell } from '../output.js';
import {
  type SizeFlags,
  sizeFlags,
  type WorkloadFlags,
  withDevice,
  workloadFlags,
  workloadOfFlags,
} from './bench/flags.js';

interface Flags extends SizeFlags, WorkloadFlags {
  readonly seconds: number;
  readonly json: boolean;
}

function describe({ measured, left }: TuneReport): string {
  if (measured.length === 0) return 'Nothing to measure: every kernel of this step has an answer.\n';
  const rows = measured.map(({ key, chosen, milliseconds }) => [
    key,
    chosen,
    Object.entries(milliseconds)
      .sort(([, a], [, b]) => a - b)
      .map(([name, time]) => `${name} ${time.toFixed(2)}`)
      .join(', '),
  ]);
  const rest = left > 0 ? `${left} kernels are left; run it again, or give it more --seconds.\n` : '';
  return `${formatTable(['kernel', 'chosen', 'ms of each way'], rows, 'left')}\n${rest}`;
}

async function tune(this: void, flags: Flags): Promise<void> {
  const workload = workloadOfFlags(flags);
  const report = await withDevice(async (device) => {
    const step = new TrainingStep(device, workload);
    try {
      // Tracing asks the questions, and answers the most important ones.
      await step.warmUp(step.prepare(0));
      return await device.tuner.tune({
        budgetMilliseconds: 1000 * flags.seconds,
        thorough: true,
        onProgress: tell,
      });
    } finally {
      step.dispose();
    }
  });
  process.stdout.write(flags.json ? toJson(report) : describe(report));
}

export const tuneCommand = buildCommand<Flags>({
  func: tune,
  docs: {
    brief: 'Time the ways that the kernels of a training step can take on this adapter, and keep the fastest',
    fullDescription:
      'A first training step measures for a second or so by itself; this measures every kernel and every way. The answers are kept in the folder of caches, for each adapter, driver and version.',
  },
  parameters: {
    flags: {
      ...sizeFlags,
      ...workloadFlags,
      seconds: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(1, 1_000_000),
        default: '120',
        brief: 'Seconds after which no further measurement begins',
      },
      json: jsonFlag,
    },
  },
});
