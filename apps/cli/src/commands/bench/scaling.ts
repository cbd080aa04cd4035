import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { toJson, writeAtomic } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import {
  type AxisName,
  axisNames,
  benchScaling,
  loadOf,
  measurePoint,
  type ScalingAxes,
  type ScalingAxis,
  type ScalingPoint,
  sequenceBytes,
} from '../../bench/scaling.js';
import { drawScaling } from '../../bench/scaling-plots.js';
import { chooseSize, type StepSize } from '../../bench/sizes.js';
import { commandLine } from '../../command-line.js';
import { currentCommit } from '../../commit.js';
import { UsageError } from '../../errors.js';
import { jsonFlag, numberFrom, optionalNumber, optionalText, VALUE, wholeNumber } from '../../flags.js';
import { formatCount, formatMebibytes, formatTable } from '../../format.js';
import { tell } from '../../output.js';
import { writePicture } from '../../report/picture.js';
import {
  objectiveName,
  type SizeFlags,
  sizeFlags,
  type WorkloadFlags,
  withDevice,
  workloadFlags,
  workloadOfFlags,
} from './flags.js';

const DEFAULT_TOKENS = 2048;

interface Flags extends SizeFlags, WorkloadFlags {
  readonly contexts: readonly number[];
  readonly widths: readonly number[];
  readonly tokens?: number;
  readonly seconds: number;
  readonly out?: string;
  readonly json: boolean;
}

/** What is printed as JSON and written to `scaling.json`. */
interface ScalingResult extends ScalingAxes {
  readonly size: string;
  readonly objective: string;
  /** Share of the positions that have a register; null for objectives that have none. */
  readonly registers: number | null;
  readonly seed: number;
  readonly adapter: string;
  readonly node: string;
  readonly command: string;
  readonly commit: string | null;
}

/** Fields of the size that flags replace at every point, if an axis does not. */
const fields = ['layers', 'width', 'heads', 'vocab', 'context', 'batch'] as const;

/** More points than a curve needs. */
const MOST_POINTS = 100;

function shortList(value: string): string[] {
  const parts = value.split(',');
  if (parts.length <= MOST_POINTS) return parts;
  throw new UsageError(`${VALUE}: expected at most ${MOST_POINTS} numbers, got ${parts.length}.`);
}

/** A parser of `64,128`, in rising order; `none` leaves the axis out. */
const parseAxis =
  (least: number) =>
  (text: string): number[] => {
    if (text === 'none') return [];
    const parse = wholeNumber(least, 2 ** 20);
    return [...new Set(shortList(text).map((part) => parse(part.trim())))].sort((a, b) => a - b);
  };

function chooseSizes(flags: Flags): { readonly [Name in AxisName]: readonly StepSize[] } {
  const { size: name, contexts, widths, batch, tokens = DEFAULT_TOKENS } = flags;
  if (contexts.length + widths.length === 0) {
    throw new UsageError('bench scaling: expected points along --contexts, --widths or both.');
  }
  if (batch !== undefined && flags.tokens !== undefined) {
    throw new UsageError('bench scaling: expected --tokens or --batch, not both.');
  }
  const ragged = contexts.find((context) => tokens % context !== 0);
  if (batch === undefined && ragged !== undefined) {
    throw new UsageError(
      `--contexts ${ragged}: ${tokens} tokens are no whole number of sequences. Choose others, or other --tokens, or fix the sequences with --batch.`,
    );
  }
  return {
    context: contexts.map(
      (context) => chooseSize(name, { ...flags, context, batch: batch ?? tokens / context }).size,
    ),
    width: widths.map((width) => chooseSize(name, { ...flags, width }).size),
  };
}

function pointsTable(name: AxisName, points: readonly ScalingPoint[]): string {
  const row = (point: ScalingPoint): string[] => [
    String(point[name]),
    String(point.batch),
    `${point.stepMs.toFixed(1)} ms`,
    point.tokensPerSecond.toFixed(0),
    formatMebibytes(point.peakGpuBytes),
    formatMebibytes(point.arenaBytes),
    formatMebibytes(sequenceBytes(point)),
    formatCount(point.flopsPerStep),
    point.achievedGflops.toFixed(2),
  ];
  return formatTable(
    [name, 'sequences', 'step', 'tokens/s', 'peak', 'working', 'a sequence', 'FLOPs', 'GFLOP/s'],
    points.map(row),
  );
}

/** What the fits say, in a sentence; nothing for a single point. */
function fitted(name: AxisName, { stepMs, memory }: ScalingAxis['exponents']): string {
  if (stepMs === null || memory === null) return '';
  const what = name === 'context' ? 'Memory of a sequence' : 'Working memory';
  return `${what} grows as ${name}^${memory.toFixed(2)}, time of a step as ${name}^${stepMs.toFixed(2)}.\n`;
}

function section(name: AxisName, { points, skipped, exponents }: ScalingAxis): string {
  const left = skipped.map(({ size, reason }) => `Left out, ${name} ${size[name]}: ${reason}\n`).join('');
  if (points.length === 0) return left;
  return `${loadOf(points)}\n\n${pointsTable(name, points)}\n\n${left}${fitted(name, exponents)}`;
}

function describe(result: ScalingResult): string {
  const { objective, size, adapter } = result;
  const sections = axisNames.map((name) => section(name, result[name])).filter((text) => text !== '');
  return `${objective} ${size}\n${adapter}\n\n${sections.join('\n')}`;
}

async function writeFiles(out: string, result: ScalingResult): Promise<void> {
  writeAtomic(join(out, 'scaling.json'), toJson(result));
  for (const name of axisNames) {
    const { points } = result[name];
    if (points.length > 1) await writePicture(out, name, await drawScaling(name, points, result), tell);
  }
  tell(`Written to ${out}.`);
}

async function scaling(this: void, flags: Flags): Promise<void> {
  const objective = objectiveName(flags);
  const sizes = chooseSizes(flags);
  // A folder that cannot be made is told before minutes of work.
  if (flags.out !== undefined) mkdirSync(flags.out, { recursive: true });
  const { seed, seconds, registers = 1 } = flags;
  let adapter = '';
  // A device for each point: its peak is that of the point, and all that it held is freed.
  const measure = (size: StepSize) =>
    withDevice((device) => {
      adapter = device.info.name;
      return measurePoint(device, workloadOfFlags(flags, size), seconds);
    });
  const axes = await benchScaling({ sizes, measure, onProgress: tell });
  const result: ScalingResult = {
    size: flags.size + (fields.some((field) => flags[field] !== undefined) ? '+' : ''),
    objective,
    registers: objective === 'mutor' ? registers : null,
    seed,
    adapter,
    node: process.versions.node,
    command: commandLine(),
    commit: currentCommit() ?? null,
    ...axes,
  };
  if (flags.out !== undefined) await writeFiles(flags.out, result);
  process.stdout.write(flags.json ? toJson(result) : describe(result));
}

export const scalingCommand = buildCommand<Flags>({
  func: scaling,
  docs: {
    brief: 'Time and memory of a training step against context and width',
    fullDescription:
      'Trains a GPT on random tokens for a while at each point of two axes. Along the contexts the tokens of a step are the same: a longer context means fewer sequences.',
  },
  parameters: {
    flags: {
      ...sizeFlags,
      ...workloadFlags,
      width: optionalNumber('Width along the axis of contexts', 2 ** 20),
      context: { ...sizeFlags.context, brief: 'Context along the axis of widths' },
      batch: optionalNumber('Sequences of every step, along both axes', 65_536),
      contexts: {
        kind: 'parsed',
        placeholder: 'N,N',
        parse: parseAxis(2),
        default: '64,128,256,512,1024,2048',
        brief: 'Contexts, or none',
      },
      widths: {
        kind: 'parsed',
        placeholder: 'N,N',
        parse: parseAxis(1),
        default: '64,128,256,512',
        brief: 'Widths, or none',
      },
      tokens: optionalNumber(`Tokens of every step along the axis of contexts [default = ${DEFAULT_TOKENS}]`),
      seconds: {
        kind: 'parsed',
        placeholder: 'N',
        parse: numberFrom(0, 1_000_000),
        default: '2',
        brief: 'Time for the steps of a point; at least five are timed',
      },
      out: optionalText('DIR', 'Folder for scaling.json and the plots'),
      json: jsonFlag,
    },
  },
});
