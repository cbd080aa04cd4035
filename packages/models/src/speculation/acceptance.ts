// V vocabulary, K drafts.
// Source: "Fast Inference from Transformers via Speculative Decoding", arXiv 2211.17192, algorithm 1.
import type { HostRandom } from '@foretoken/tensor';
import { draw } from '../sampling.js';

/** What came of some drafts. */
export interface Verdict {
  /** How many of the drafts hold, from the first on. */
  readonly accepted: number;
  /** The token behind them, from the model itself. */
  readonly next: number;
}

/**
 * Keeps drafts as long as the model would have chosen the same.
 *
 * @param chosen - the model's choice behind the last token and behind each draft, K + 1
 */
export function verifyGreedy(drafts: readonly number[], chosen: readonly number[]): Verdict {
  const wrong = drafts.findIndex((draft, at) => draft !== chosen[at]);
  const accepted = wrong === -1 ? drafts.length : wrong;
  return { accepted, next: chosen[accepted] as number };
}

/** What is left of `target` when the draft's share is taken out, not normalized. */
const residue = (target: Float64Array, draft: Float64Array): Float64Array =>
  target.map((probability, id) => Math.max(0, probability - (draft[id] as number)));

/**
 * Keeps a draft with probability min(1, p / q), and draws from what p has more than q where it is rejected: the tokens are
 * distributed as if they had been drawn from p, whatever q is.
 *
 * @param targets - p behind the last token and behind each draft, K + 1 of `[V]`
 * @param proposals - q that each draft was drawn from, K of `[V]`
 */
export function verifySampled(
  drafts: readonly number[],
  targets: readonly Float64Array[],
  proposals: readonly Float64Array[],
  random: HostRandom,
): Verdict {
  for (let at = 0; at < drafts.length; at++) {
    const [draft, target, proposal] = [drafts[at] as number, targets[at], proposals[at]] as [
      number,
      Float64Array,
      Float64Array,
    ];
    if (random.uniform() * (proposal[draft] as number) < (target[draft] as number)) continue;
    return { accepted: at, next: draw(residue(target, proposal), random) };
  }
  return { accepted: drafts.length, next: draw(targets[drafts.length] as Float64Array, random) };
}
