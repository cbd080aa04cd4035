/** Insertions, deletions and replacements that turn one string into the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** ` Did you mean x?` where one of the names is close to the given one, else nothing. */
export function suggestName(given: string, names: readonly string[]): string {
  const [best] = names
    .map((name) => ({ name, distance: editDistance(given.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const isClose = best !== undefined && best.distance <= Math.max(2, Math.floor(given.length / 3));
  return isClose ? ` Did you mean ${best.name}?` : '';
}
