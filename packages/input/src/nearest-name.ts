import { distance } from 'fastest-levenshtein';
import { quote } from './quote.js';

/** Longer names are no slips of the pen, and comparing them costs the product of their lengths. */
const LONGEST = 100;

/** The name that was probably meant, or undefined where none is close. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  if (given.length > LONGEST) return undefined;
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(given.length / 3));
  let difference = Infinity;
  for (const name of names) {
    const longer = Math.abs(name.length - given.length);
    if (longer > fewest) continue;
    const edits = distance(given.toLowerCase(), name.toLowerCase());
    // Letters are swapped more often than several of them are left out.
    if (edits > fewest || (edits === fewest && longer >= difference)) continue;
    [best, fewest, difference] = [name, edits, longer];
  }
  return best;
}

/** ` Did you mean x?` where one of the names is close to the given one, else nothing. */
export function didYouMean(given: string, names: readonly string[]): string {
  const best = nearestName(given, names);
  if (best === undefined) return '';
  return ` Did you mean ${/^[\w.+/-]+$/.test(best) ? best : quote(best)}?`;
}
