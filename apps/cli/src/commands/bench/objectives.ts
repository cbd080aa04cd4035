import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { benchObjectives, contestantsOf, type ObjectiveCostResult } from '../../bench/objectives.js';
import type { StepSize } from '../../bench/sizes.js';
import { commandLine } from '../../command-line.js';
import { currentCommit } from '../../commit.js';
import { jsonFlag, wholeNumber } from '../../flags.js';
import { formatTable } from '../../format.js';
import { tell } from '../../output.js';
import {
  namedSize,
  type SizeFlags,
  sizeFlags,
  type WorkloadFlags,
  withDevice,
  workloadFlags,
} from './flags.js';

interface Flags extends SizeFlags, Pick<WorkloadFlags, 'seed' | 'precision' | 'checkpointing'> {
  readonly rounds: number;
  readonly steps: number;
  readonly json: boolean;
}

/** What is printed as JSON. */
interface ObjectivesResult {
  readonly size: string;
  readonly fields: StepSize;
  readonly adapter: string;
  readonly node: string;
  readonly command: string;
  readonly commit: string | null;
  readonly rounds: number;
  readonly stepsPerRound: number;
  readonly objectives: readonly ObjectiveCostResult[];
}

function describe({ size, adapter, rounds, stepsPerRound, fields, objectives }: ObjectivesResult): string {
  const tokens = fields.batch * fields.context;
  const table = formatTable(
    ['objective', 'step ms', 'tokens/s', 'to ntp', 'of rounds', 'FLOPs to ntp'],
    objectives.map(({ name, stepMs, ratio, lowestRatio, highestRatio, flopRatio }) => [
      name,
      stepMs.toFixed(1),
      ((1000 * tokens) / stepMs).toFixed(0),
      ratio.toFixed(2),
      `${lowestRatio.toFixed(2)}-${highestRatio.toFixed(2)}`,
      flopRatio.toFixed(2),
    ]),
  );
  return `${size}, ${rounds} rounds of ${stepsPerRound} steps each, in turns\n${adapter}\n\n${table}\n`;
}

async function objectives(this: void, flags: Flags): Promise<void> {
  const { name, size } = namedSize(flags);
  const { seed, precision, checkpointing, rounds, steps } = flags;
  const contestants = contestantsOf(size, seed, { precision, activationCheckpointing: checkpointing });
  const [adapter, measured] = await withDevice(
    async (device) =>
      [
        device.info.name,
        await benchObjectives(device, contestants, { rounds, steps, onProgress: tell }),
      ] as const,
  );
  const result: ObjectivesResult = {
    size: name,
    fields: size,
    adapter,
    node: process.versions.node,
    command: commandLine(),
    commit: currentCommit() ?? null,
    rounds,
    stepsPerRound: steps,
    objectives: measured,
  };
  process.stdout.write(flags.json ? toJson(result) : describe(result));
}

export const objectivesCommand = buildCommand<Flags>({
  func: objectives,
  docs: {
    brief: 'Time of a step with each objective, to that of next-token prediction',
    fullDescription:
      'Trains a GPT on random tokens with every objective in turns, a few steps each, so that the ratios do not depend on what else the machine does.',
  },
  parameters: {
    flags: {
      ...sizeFlags,
      seed: workloadFlags.seed,
      precision: workloadFlags.precision,
      checkpointing: workloadFlags.checkpointing,
      rounds: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(1, 10_000),
        default: '5',
        brief: 'Turns of each objective',
      },
      steps: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(2, 1_000_000),
        default: '8',
        brief: 'Steps of a turn',
      },
      json: jsonFlag,
    },
  },
});
