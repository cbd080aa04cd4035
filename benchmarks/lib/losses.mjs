/** Relative differences that still count as the same step: at the start only rounding, later what it grew to. */
export const TOLERANCE = { first: 1e-5, last: 1e-3 };

const relative = (a, b) => Math.abs(a - b) / Math.abs(b);

/**
 * Whether contestants computed the same. Each is compared with the reference at update 0 and at the last update that
 * both of them reached.
 *
 * @param losses - lists of losses by contestant id
 * @param reference - id of the one that the others are compared with
 * @returns one entry a contestant, with `agrees`
 */
export function compareLosses(losses, reference) {
  const expected = losses.get(reference);
  return [...losses].map(([id, own]) => {
    const last = Math.min(own.length, expected.length) - 1;
    const differences = { first: relative(own[0], expected[0]), last: relative(own[last], expected[last]) };
    // Written so that NaN does not agree.
    const agrees = differences.first <= TOLERANCE.first && differences.last <= TOLERANCE.last;
    return { id, reference, update: last, loss0: own[0], lossLast: own[last], ...differences, agrees };
  });
}
