/** The value below which a share of the values lies, interpolated. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.ceil(place);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

export const median = (values) => quantile(values, 0.5);

/**
 * The figures of one contestant at one size.
 *
 * @param rounds - its results by round; a failed one is `{ error }`
 * @param tokens - tokens of a step
 */
export function summarize(rounds, tokens) {
  const good = rounds.filter((round) => round.error === undefined);
  if (good.length === 0) return undefined;
  const rates = good.flatMap((round) => round.stepMs.map((ms) => (1000 * tokens) / ms));
  const [cold, ...warm] = rounds;
  const warmFirst = warm.flatMap(({ firstStepMs }) => firstStepMs ?? []);
  const peaks = good.flatMap(({ peakBytes }) => peakBytes ?? []);
  return {
    tokensPerSecond: median(rates),
    bestTokensPerSecond: Math.max(...rates),
    lowerQuartile: quantile(rates, 0.25),
    upperQuartile: quantile(rates, 0.75),
    steps: rates.length,
    firstStepMsCold: cold.firstStepMs,
    firstStepMsWarm: warmFirst.length > 0 ? median(warmFirst) : undefined,
    setupMs: median(good.map(({ setupMs }) => setupMs)),
    cpuSecondsPerStep: median(good.map(({ cpuSecondsPerStep }) => cpuSecondsPerStep)),
    peakBytes: peaks.length > 0 ? Math.max(...peaks) : undefined,
  };
}

/** How many times as fast `ours` is: the median over the rounds that both finished, as each round is one turn. */
export function speedRatio(ours, theirs) {
  const ratios = ours.flatMap((own, round) => {
    const other = theirs[round];
    if (own.error !== undefined || other?.error !== undefined) return [];
    return [median(other.stepMs) / median(own.stepMs)];
  });
  return ratios.length > 0 ? median(ratios) : undefined;
}
