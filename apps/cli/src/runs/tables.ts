import { formatCount, formatDuration, formatShare, formatTable } from '../format.js';
import { figuresOf, type RunFigures } from './figures.js';
import type { RunInfo } from './run-info.js';
import { differentSettings } from './settings.js';

const NONE = '-';
const lossText = (loss: number | null): string => (loss === null ? NONE : loss.toFixed(4));
const countText = (count: number | null): string => (count === null ? NONE : formatCount(count));
const timeText = (seconds: number | null): string => (seconds === null ? NONE : formatDuration(seconds));
const bytesText = (bytes: number): string =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

const stepText = ({ step, steps }: RunFigures): string =>
  steps === null ? String(step) : `${step}/${steps}`;

/** The first metric of a task. */
function scoreText({ scores }: RunFigures): string {
  const [first] = Object.entries(scores);
  return first === undefined ? NONE : `${first[0]} ${formatShare(first[1])}`;
}

const taskOf = ({ record }: RunInfo): string => String(record.recipe.task['kind'] ?? 'star-graph');

/** Runs, a line each. */
export function runsTable(runs: readonly RunInfo[]): string {
  const rows = runs.map((run) => {
    const figures = figuresOf(run);
    return [
      run.path,
      taskOf(run),
      run.record.objective,
      run.state,
      stepText(figures),
      lossText(figures.loss),
      lossText(figures.validationLoss),
      scoreText(figures),
      timeText(figures.seconds),
      bytesText(run.bytes),
    ];
  });
  return formatTable(
    ['run', 'task', 'objective', 'state', 'step', 'loss', 'validation', 'metric', 'time', 'size'],
    rows,
    'left',
  );
}

const LONGEST_VALUE = 40;
const shortened = (value: string): string =>
  value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE - 1)}…` : value;

/** Runs side by side: the settings in which they differ, then what they came to. */
export function comparisonTable(runs: readonly RunInfo[]): string {
  const figures = runs.map(figuresOf);
  const metrics = [...new Set(figures.flatMap(({ scores }) => Object.keys(scores)))];
  const header = ['', ...runs.map((_, at) => `[${at + 1}]`)];
  const settings = differentSettings(runs).map(({ name, values }) => [
    name,
    ...values.map((value) => shortened(value ?? NONE)),
  ]);
  const row = (name: string, of: (figure: RunFigures) => string): string[] => [name, ...figures.map(of)];
  const outcome = [
    ['state', ...runs.map(({ state }) => state)],
    row('step', stepText),
    row('loss', ({ loss }) => lossText(loss)),
    row('validation loss', ({ validationLoss }) => lossText(validationLoss)),
    ...metrics.map((name) =>
      row(name, ({ scores }) => (scores[name] === undefined ? NONE : formatShare(scores[name]))),
    ),
    row('tokens', ({ tokens }) => countText(tokens)),
    row('FLOPs', ({ flops }) => countText(flops)),
    row('time', ({ seconds }) => timeText(seconds)),
  ];
  const names = runs.map(({ path }, at) => `[${at + 1}] ${path}`).join('\n');
  const same =
    settings.length === 0
      ? '\n\nAll settings are the same.'
      : `\n\n${formatTable(['setting', ...header.slice(1)], settings, 'left')}`;
  return `${names}${same}\n\n${formatTable(['result', ...header.slice(1)], outcome, 'left')}`;
}
