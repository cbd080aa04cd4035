import { didYouMean, quote } from '@foretoken/input';
import { buildCommand } from '@stricli/core';
import { UsageError } from '../errors.js';
import { numberFrom, text } from '../flags.js';
import { tell } from '../output.js';
import { writePictureFile } from '../report/picture.js';
import { renderSvg } from '../report/render.js';
import { curvePlot } from '../runs/curve-plot.js';
import { curveOf, metricNames, SPENT, type Spent, smoothed } from '../runs/curves.js';
import { findRuns } from '../runs/find-runs.js';
import { shortNames } from '../runs/names.js';
import type { RunInfo } from '../runs/run-info.js';

interface Flags {
  readonly metric?: string;
  readonly x: Spent;
  readonly smooth?: number;
  readonly out: string;
}

/** More lines than that cannot be told apart. */
const MOST_RUNS = 24;

/** What is drawn where nobody says it: the validation loss, else that of training. */
function chosenMetric(runs: readonly RunInfo[], given: string | undefined): string {
  const names = metricNames(runs);
  if (names.length === 0)
    throw new UsageError(
      'these runs have logged nothing yet. A run logs its first figures after some steps.',
    );
  if (given === undefined) return names.includes('validationLoss') ? 'validationLoss' : (names[0] as string);
  if (names.includes(given)) return given;
  throw new UsageError(
    `--metric ${quote(given)}: these runs have not logged it.${didYouMean(given, names)} There are ${names.join(', ')}.`,
  );
}

async function plot(
  this: void,
  { metric: given, x, smooth, out }: Flags,
  ...folders: string[]
): Promise<void> {
  if (!/\.(svg|png)$/i.test(out))
    throw new UsageError(`--out ${quote(out)}: expected a name that ends in .svg or .png.`);
  if (folders.length === 0) throw new UsageError('name the folder of a run, or of several runs.');
  const runs = findRuns(folders, tell);
  if (runs.length === 0) throw new UsageError(`no run in ${folders.join(', ')}.`);
  const metric = chosenMetric(runs, given);
  const curves = runs.map((run) => curveOf(run, metric, x)).filter(({ points }) => points.length > 0);
  if (curves.length > MOST_RUNS)
    throw new UsageError(`${curves.length} runs are too many to tell apart; name ${MOST_RUNS} at most.`);
  for (const run of runs)
    if (!curves.some((curve) => curve.run === run))
      tell(`${run.path}: not drawn: it has logged no ${metric}.`);
  const drawn = smooth === undefined ? curves : curves.map((curve) => smoothed(curve, smooth));
  const names = shortNames(drawn.map(({ run }) => run.path));
  await writePictureFile(out, await renderSvg(curvePlot(drawn, { metric, spent: x, names })), tell);
  process.stdout.write(
    `${metric} of ${drawn.length} ${drawn.length === 1 ? 'run' : 'runs'} against ${x}: ${out}\n`,
  );
}

export const plotCommand = buildCommand<Flags, string[]>({
  func: plot,
  docs: {
    brief: 'Draw a metric of runs as curves, as SVG or PNG',
    fullDescription:
      'Draws one line for each run in and below the folders. What can be drawn is what runs log: loss, validationLoss, the metrics of a task, parts of the loss (parts.mutor), gradientNorm, learningRate, tokensPerSecond.',
  },
  parameters: {
    // The argument parser takes flags of one letter for aliases.
    aliases: { x: 'x' },
    positional: {
      kind: 'array',
      parameter: { placeholder: 'RUN', brief: 'Run folder, or folder of runs', parse: text },
    },
    flags: {
      metric: {
        kind: 'parsed',
        parse: text,
        optional: true,
        placeholder: 'NAME',
        brief: 'What to draw [default = validationLoss, else loss]',
      },
      x: { kind: 'enum', values: SPENT, default: 'step', brief: 'What it is drawn against' },
      smooth: {
        kind: 'parsed',
        parse: numberFrom(0, 0.9999),
        optional: true,
        placeholder: 'WEIGHT',
        brief: 'Exponential moving average: weight of what came before, 0.9 for instance',
      },
      out: {
        kind: 'parsed',
        parse: text,
        default: 'plot.svg',
        placeholder: 'FILE',
        brief: 'File to write, .svg or .png',
      },
    },
  },
});
