/** Two-sided 95 % of the normal distribution. */
const NORMAL_95 = 1.959963984540054;

/**
 * The 95 % interval of a share of successes after E. B. Wilson (1927). Unlike resamples, which cannot tell anything from
 * answers that are all wrong or all right, it has a width there too.
 */
export function wilsonInterval(successes: number, trials: number): { low: number; high: number } {
  const share = successes / trials;
  const squared = NORMAL_95 ** 2;
  const middle = (share + squared / (2 * trials)) / (1 + squared / trials);
  const half =
    (NORMAL_95 / (1 + squared / trials)) *
    Math.sqrt((share * (1 - share)) / trials + squared / (4 * trials * trials));
  // Exact where rounding would leave a hair.
  return {
    low: successes === 0 ? 0 : middle - half,
    high: successes === trials ? 1 : middle + half,
  };
}
