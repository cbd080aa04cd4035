import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import type { StepSize } from '../../bench/sizes.js';
import {
  judge,
  SETTLED_STEPS,
  type SoakMeasurement,
  type SoakPoint,
  soak,
  type Trend,
} from '../../bench/soak.js';
import { commandLine } from '../../command-line.js';
import { currentCommit } from '../../commit.js';
import { jsonFlag, wholeNumber } from '../../flags.js';
import { formatMebibytes, formatTable } from '../../format.js';
import { tell } from '../../output.js';
import {
  namedSize,
  objectiveName,
  type SizeFlags,
  sizeFlags,
  type WorkloadFlags,
  withDevice,
  workloadFlags,
  workloadOfFlags,
} from './flags.js';

interface Flags extends SizeFlags, WorkloadFlags {
  readonly steps: number;
  readonly json: boolean;
}

/** What is printed as JSON. */
interface SoakResult extends SoakMeasurement {
  readonly size: string;
  readonly objective: string;
  readonly fields: StepSize;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly adapter: string;
  readonly node: string;
  readonly command: string;
  readonly commit: string | null;
  readonly steps: number;
  readonly tokensPerSecond: number;
  readonly gpu: Trend;
  readonly rss: Trend;
}

const signed = (bytes: number): string => `${bytes < 0 ? '' : '+'}${formatMebibytes(bytes)}`;

function describe(result: SoakResult): string {
  const { objective, size, adapter, steps, stepMs, tokensPerSecond, points, gpu, rss } = result;
  const table = formatTable(
    ['step', 'GPU peak', 'GPU now', 'RSS', 'JS heap'],
    points.map(({ step, peakGpuBytes, allocatedGpuBytes, rssBytes, heapBytes }) => [
      String(step),
      ...[peakGpuBytes, allocatedGpuBytes, rssBytes, heapBytes].map(formatMebibytes),
    ]),
  );
  const trend = ({ bytesPerThousandSteps, verdict }: Trend): string =>
    `${verdict} (${signed(bytesPerThousandSteps)} per 1,000 steps)`;
  return `${objective} ${size}, ${steps} steps of ${stepMs.toFixed(2)} ms, ${tokensPerSecond.toFixed(0)} tokens/s
${adapter}

${table}

GPU memory: ${trend(gpu)}. Process: ${trend(rss)}.
`;
}

const tellLook = ({ step, peakGpuBytes, rssBytes }: SoakPoint): void =>
  tell(`step ${step}: GPU ${formatMebibytes(peakGpuBytes)}, RSS ${formatMebibytes(rssBytes)}`);

async function soakStep(this: void, flags: Flags): Promise<void> {
  const { name, size } = namedSize(flags);
  const objective = objectiveName(flags);
  const { seed, steps } = flags;
  const workload = workloadOfFlags(flags);
  tell(`${objective} ${name}: ${steps} steps ...`);
  const [adapter, measured] = await withDevice(
    async (device) => [device.info.name, await soak(device, workload, steps, tellLook)] as const,
  );
  const result: SoakResult = {
    size: name,
    objective,
    fields: size,
    settings: workload.settings,
    seed,
    adapter,
    node: process.versions.node,
    command: commandLine(),
    commit: currentCommit() ?? null,
    steps,
    tokensPerSecond: (1000 * size.batch * size.context) / measured.stepMs,
    ...measured,
    ...judge(measured.points),
  };
  process.stdout.write(flags.json ? toJson(result) : describe(result));
}

export const soakCommand = buildCommand<Flags>({
  func: soakStep,
  docs: {
    brief: 'Whether memory stays flat over thousands of training steps',
    fullDescription: `Trains a GPT on random tokens, and looks at GPU memory and the process after ${SETTLED_STEPS} steps, at every tenth of the way and at the end.`,
  },
  parameters: {
    flags: {
      ...sizeFlags,
      ...workloadFlags,
      steps: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(2 * SETTLED_STEPS, 10_000_000),
        default: '10000',
        brief: `Training steps, at least ${2 * SETTLED_STEPS}`,
      },
      json: jsonFlag,
    },
  },
});
