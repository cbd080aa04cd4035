import { join } from 'node:path';
import {
  difference,
  type Estimate,
  estimate,
  type Figure,
  makeFolder,
  type ResamplingOptions,
  toJson,
  writeAtomic,
} from '@foretoken/train';
import { formatShare, formatTable } from '../format.js';
import type { Outcome } from './outcome.js';

export interface NamedOutcome {
  readonly model: string;
  readonly outcome: Outcome;
}

/** One model in JSON: figures by their names, then counts, then the bounds of the figures. */
export interface ModelResult {
  readonly model: string;
  readonly task: string;
  readonly intervals: Readonly<Record<string, { readonly low: number | null; readonly high: number | null }>>;
  /** The first model's figures taken from this one's, on the questions or documents that both have. */
  readonly difference?: {
    readonly to: string;
    readonly pairs: number;
    readonly figures: Readonly<Record<string, Estimate>>;
  };
  readonly [figureOrFact: string]: unknown;
}

const mapValues = <From, To>(
  from: Readonly<Record<string, From>>,
  change: (value: From) => To,
): Record<string, To> => Object.fromEntries(Object.entries(from).map(([key, value]) => [key, change(value)]));

/** Figures with intervals, and what each model differs from the first by. */
export function resultsOf(
  task: string,
  outcomes: readonly NamedOutcome[],
  options: ResamplingOptions,
): ModelResult[] {
  const [first] = outcomes;
  return outcomes.map(({ model, outcome: { units, figures, facts } }, at): ModelResult => {
    const estimates = estimate(units, figures, options);
    return {
      model,
      task,
      ...mapValues(estimates, ({ value }) => value),
      ...facts,
      intervals: mapValues(estimates, ({ low, high }) => ({ low, high })),
      ...(at === 0 || first === undefined
        ? {}
        : {
            difference: {
              to: first.model,
              ...difference(units, first.outcome.units, figures, options),
            },
          }),
    };
  });
}

const signed = (text: string, value: number): string => (value > 0 ? `+${text}` : text);

function formatEstimate(
  { better }: Figure,
  { value, low, high }: Estimate,
  sign: (text: string, value: number) => string = (text) => text,
): string {
  const one = (number: number): string =>
    sign(better === 'higher' ? formatShare(number) : number.toPrecision(5), number);
  return low === null || high === null ? one(value) : `${one(value)} [${one(low)}, ${one(high)}]`;
}

/** Figures of all models, and below them the paired differences to the first. */
export function resultsTable(results: readonly ModelResult[], figures: readonly Figure[]): string {
  const header = ['model', ...figures.map(({ label }) => `${label} [95%]`)];
  const rows = results.map((result) => [
    result.model,
    ...figures.map((figure) => {
      const bounds = result.intervals[figure.name] ?? { low: null, high: null };
      return formatEstimate(figure, { value: result[figure.name] as number, ...bounds });
    }),
  ]);
  const differences = results.flatMap(({ model, difference: other }) =>
    other === undefined
      ? []
      : [
          [
            `${model} (${other.pairs} pairs)`,
            ...figures.map((figure) => {
              const found = other.figures[figure.name];
              return found === undefined ? '-' : formatEstimate(figure, found, signed);
            }),
          ],
        ],
  );
  const first = results[0]?.model ?? '';
  return [
    formatTable(header, rows),
    ...(differences.length === 0
      ? []
      : ['', formatTable([`minus ${first}`, ...header.slice(1)], differences)]),
  ].join('\n');
}

/** Writes `results.json` and `samples.jsonl`, each as a whole or not at all. */
export function writeResults(folder: string, record: object, outcomes: readonly NamedOutcome[]): void {
  makeFolder(folder);
  const lines = outcomes.flatMap(({ model, outcome }) =>
    outcome.samples.map((sample) => `${JSON.stringify({ model, ...sample })}\n`),
  );
  writeAtomic(join(folder, 'samples.jsonl'), lines.join(''));
  // The last: where it is, the other is whole.
  writeAtomic(join(folder, 'results.json'), toJson(record));
}
