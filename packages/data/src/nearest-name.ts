import { distance } from 'fastest-levenshtein';

/** The name that was probably meant, or undefined when none is close. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((name) => ({ name, edits: distance(given.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  return best && best.edits <= Math.max(2, Math.floor(given.length / 3)) ? best.name : undefined;
}
