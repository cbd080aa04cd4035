import { distance } from 'fastest-levenshtein';

/** ` Did you mean x?` where one of the names is close to the given one, else nothing. */
export function suggestName(given: string, names: readonly string[]): string {
  const [best] = names
    .map((name) => ({ name, edits: distance(given.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const isClose = best !== undefined && best.edits <= Math.max(2, Math.floor(given.length / 3));
  return isClose ? ` Did you mean ${best.name}?` : '';
}
