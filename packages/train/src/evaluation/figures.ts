import { PhiloxRandom, wilsonInterval } from '@foretoken/data';
import { EvaluationError } from './errors.js';

/** A sum with what it is divided by: losses and tokens, or right answers and questions. */
export interface Share {
  readonly total: number;
  readonly weight: number;
}

/** What intervals are taken over and models compared on: a question, a document, a window. */
export interface EvaluatedUnit {
  /** The same for the same question or document, whatever the model. */
  readonly id: string;
  /** What it adds to each figure, by the figure's name. */
  readonly shares: Readonly<Record<string, Share>>;
}

/** A number that an evaluation ends with: the sum of the totals over the sum of the weights. */
export interface Figure {
  /** Key in JSON. */
  readonly name: string;
  /** What a reader of a table sees. */
  readonly label: string;
  readonly better: 'higher' | 'lower';
  /** Makes the figure of that ratio; the ratio itself when absent. */
  readonly of?: (ratio: number) => number;
}

/** A figure with its interval; without bounds where there is one unit alone. */
export interface Estimate {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

export interface ResamplingOptions {
  /** Default 1000. */
  readonly resamples?: number;
  /** The same seed gives the same bounds. Default 0. */
  readonly seed?: number;
}

/** What lies beyond each bound of a 95 % interval. */
const TAIL = 0.025;

/** How often each unit counts. */
type Counts = ArrayLike<number>;

/**
 * Percentile bootstrap: statistics of all units, with the percentiles of the same statistics of resamples of the units,
 * drawn with replacement. All statistics see the same resamples, which is what makes a difference of two a paired one.
 */
function bootstrap(
  units: number,
  statistics: readonly ((counts: Counts) => number)[],
  { resamples = 1000, seed = 0 }: ResamplingOptions,
): Estimate[] {
  const once = new Uint32Array(units).fill(1);
  const values = statistics.map((statistic) => statistic(once));
  if (units < 2) return values.map((value) => ({ value, low: null, high: null }));
  const drawn = statistics.map(() => new Float64Array(resamples));
  const counts = new Uint32Array(units);
  for (let index = 0; index < resamples; index++) {
    const random = new PhiloxRandom(seed, { domain: 0, index });
    counts.fill(0);
    for (let draw = 0; draw < units; draw++) {
      const unit = random.integer(units);
      counts[unit] = (counts[unit] as number) + 1;
    }
    statistics.forEach((statistic, at) => {
      (drawn[at] as Float64Array)[index] = statistic(counts);
    });
  }
  return values.map((value, at) => {
    const sorted = (drawn[at] as Float64Array).sort();
    return { value, low: percentile(sorted, TAIL), high: percentile(sorted, 1 - TAIL) };
  });
}

/** Straight lines between entries, NumPy's default. */
function percentile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const [lower, upper] = [sorted[below], sorted[Math.min(below + 1, sorted.length - 1)]] as [number, number];
  return lower + (upper - lower) * (place - below);
}

function shareOf({ id, shares }: EvaluatedUnit, name: string): Share {
  const share = shares[name];
  if (share === undefined) throw new EvaluationError(`internal: ${id} adds nothing to ${name}.`);
  return share;
}

/** The statistic that a figure is. */
function statisticOf(units: readonly EvaluatedUnit[], { name, of }: Figure): (counts: Counts) => number {
  const shares = units.map((unit) => shareOf(unit, name));
  return (counts) => {
    let [total, weight] = [0, 0];
    shares.forEach((share, at) => {
      total += (counts[at] as number) * share.total;
      weight += (counts[at] as number) * share.weight;
    });
    return of === undefined ? total / weight : of(total / weight);
  };
}

const byName = (figures: readonly Figure[], estimates: readonly Estimate[]): Record<string, Estimate> =>
  Object.fromEntries(figures.map(({ name }, at) => [name, estimates[at] as Estimate]));

/** Whether units are right or wrong and nothing between. */
const isShareOfRight = (units: readonly EvaluatedUnit[], { name, of }: Figure): boolean =>
  of === undefined &&
  units.every((unit) => {
    const { total, weight } = shareOf(unit, name);
    return weight === 1 && (total === 0 || total === 1);
  });

/**
 * The figures of an evaluation with their 95 % intervals, by name: Wilson's where units are right or wrong, percentiles of
 * resampled units elsewhere.
 *
 * @throws EvaluationError without a unit
 */
export function estimate(
  units: readonly EvaluatedUnit[],
  figures: readonly Figure[],
  options: ResamplingOptions = {},
): Record<string, Estimate> {
  if (units.length === 0) throw new EvaluationError('evaluation: there is nothing to make a figure of.');
  const statistics = figures.map((figure) => statisticOf(units, figure));
  const resampled = bootstrap(units.length, statistics, options);
  const estimates = figures.map((figure, at) => {
    const { value, ...bounds } = resampled[at] as Estimate;
    if (!isShareOfRight(units, figure)) return { value, ...bounds };
    return { value, ...wilsonInterval(Math.round(value * units.length), units.length) };
  });
  return byName(figures, estimates);
}

/** How much a model differs from another one on the same questions or documents. */
export interface Difference {
  /** Units that both have. */
  readonly pairs: number;
  /** The model's figure less the other's, over these units. Without figures that do not compare. */
  readonly figures: Readonly<Record<string, Estimate>>;
}

/**
 * The paired differences of two evaluations: resamples draw units, with what both models made of them. A figure is
 * left out when the two weigh a unit differently, as losses per token of different tokenizers do.
 */
export function difference(
  units: readonly EvaluatedUnit[],
  others: readonly EvaluatedUnit[],
  figures: readonly Figure[],
  options: ResamplingOptions = {},
): Difference {
  const byId = new Map(others.map((unit) => [unit.id, unit]));
  const pairs = units.flatMap((unit) => {
    const other = byId.get(unit.id);
    return other === undefined ? [] : [[unit, other] as const];
  });
  if (pairs.length === 0) return { pairs: 0, figures: {} };
  const [ours, theirs] = [pairs.map(([unit]) => unit), pairs.map(([, other]) => other)];
  const comparable = figures.filter(({ name }) =>
    pairs.every(([unit, other]) => shareOf(unit, name).weight === shareOf(other, name).weight),
  );
  const statistics = comparable.map((figure) => {
    const [here, there] = [statisticOf(ours, figure), statisticOf(theirs, figure)];
    return (counts: Counts): number => here(counts) - there(counts);
  });
  return { pairs: pairs.length, figures: byName(comparable, bootstrap(pairs.length, statistics, options)) };
}
