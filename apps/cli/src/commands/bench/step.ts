import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { benchStep, type StepResult } from '../../bench/step.js';
import { type RegisterLayout, registerLayouts } from '../../bench/training.js';
import { jsonFlag, wholeNumber } from '../../flags.js';
import { formatCount, formatMebibytes, formatShare, formatTable } from '../../format.js';
import { tell } from '../../output.js';
import {
  namedSize,
  type SizeFlags,
  sizeFlags,
  type WorkloadFlags,
  withDevice,
  workloadFlags,
  workloadOfFlags,
} from './flags.js';

interface Flags extends SizeFlags, WorkloadFlags {
  readonly layout?: RegisterLayout;
  readonly steps?: number;
  readonly profile: boolean;
  readonly json: boolean;
}

function describe(result: StepResult): string {
  const { stepMs, stepMsP10, stepMsP90, jsThreadShare, kernels } = result;
  const rows = [
    ['adapter', result.adapter],
    ['tokens/s', `${result.tokensPerSecond.toFixed(0)} (best ${result.bestTokensPerSecond.toFixed(0)})`],
    [
      'step',
      `${stepMs.toFixed(2)} ms (p10 ${stepMsP10.toFixed(2)}, p90 ${stepMsP90.toFixed(2)}; ${result.steps} steps)`,
    ],
    ['first step', `${result.firstStepMs.toFixed(0)} ms`],
    ['dispatches', String(result.dispatches ?? 'unknown: the adapter has no timestamps')],
    [
      'GPU memory',
      `${formatMebibytes(result.peakGpuBytes)} at most, ${formatMebibytes(result.arenaBytes)} for the step`,
    ],
    ['CPU', `${result.cpuSecondsPerStep.toFixed(3)} s a step`],
    ['JS thread', jsThreadShare === null ? 'not known on this system' : `${formatShare(jsThreadShare)} busy`],
    ['FLOPs', `${formatCount(result.flopsPerStep)} a step`],
    [
      'GFLOP/s',
      `${result.achievedGflops.toFixed(2)}, ${formatShare(result.shareOfBestMatmul)} of the best product (${result.bestMatmulGflops.toFixed(2)}); at best ${formatShare(result.shareAtPeak)} of ${result.peakMatmulGflops.toFixed(2)}`,
    ],
    ['loss', `${result.loss0.toFixed(4)}, after 20 updates ${result.loss20.toFixed(4)}`],
  ];
  const summary = formatTable([`${result.objective} ${result.size}`, ''], rows, 'left');
  if (kernels === undefined) return `${summary}\n`;
  const table = formatTable(
    ['kernel', 'calls', 'us', 'share', 'GB/s'],
    kernels.map(({ name, calls, microseconds, share, gigabytesPerSecond }) => [
      name,
      String(calls),
      microseconds.toFixed(0),
      formatShare(share),
      gigabytesPerSecond.toFixed(2),
    ]),
  );
  return `${summary}\n\n${table}\n`;
}

async function step(this: void, flags: Flags): Promise<void> {
  const named = namedSize(flags);
  const workload = workloadOfFlags(flags);
  const result = await withDevice((device) =>
    benchStep(device, { named, workload, steps: flags.steps, profile: flags.profile, onProgress: tell }),
  );
  process.stdout.write(flags.json ? toJson(result) : describe(result));
}

export const stepCommand = buildCommand<Flags>({
  func: step,
  docs: {
    brief: 'Time of a training step: forward, backward and AdamW',
    fullDescription:
      'Trains a GPT on random tokens with two steps in flight, and measures the best matrix product in the same run.',
  },
  parameters: {
    flags: {
      ...sizeFlags,
      ...workloadFlags,
      layout: {
        kind: 'enum',
        values: registerLayouts,
        optional: true,
        brief:
          'mutor: registers behind all tokens, or each behind its token under a dense mask, of which all pairs are computed or squares skipped [default = appended]',
      },
      steps: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(2, 1_000_000),
        optional: true,
        brief: 'Timed steps [default = about seven seconds of them, at least 12]',
      },
      profile: { kind: 'boolean', default: false, brief: 'Add a table of the kernels of one step' },
      json: jsonFlag,
    },
  },
});
