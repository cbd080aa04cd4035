/** A piece of a line, which gives way to others where there is no room. */
export interface Piece {
  /** From the longest way to say it to the shortest. */
  readonly ways: readonly string[];
  /** The more important, the later it is left out; the greatest never is. */
  readonly importance: number;
}

export const piece = (importance: number, ...ways: readonly string[]): Piece => ({ ways, importance });

const GAP = 2;

/** Columns that text takes on a terminal: one for each character that has a width of its own. */
export const columnsOf = (text: string): number => [...text].length;

/** Text in so many columns, with an ellipsis where it had more. */
export const shortenedTo = (text: string, width: number): string =>
  columnsOf(text) <= width ? text : `${[...text].slice(0, Math.max(0, width - 1)).join('')}…`;

/**
 * A line of at most so many columns. Pieces keep their order; where there is no room for all, the least important are
 * said shortly, then left out. None is cut in the middle, but for the most important where it alone is too long.
 */
export function fitLine(pieces: readonly Piece[], width: number): string {
  const chosen = new Map<Piece, string>();
  let free = width;
  const byImportance = pieces
    .filter(({ ways }) => ways.some((way) => way !== ''))
    .sort((a, b) => b.importance - a.importance);
  for (const each of byImportance) {
    const gap = chosen.size === 0 ? 0 : GAP;
    const shortest = each.ways.at(-1) ?? '';
    const text = chosen.size === 0 ? shortenedTo(shortest, width) : shortest;
    if (columnsOf(text) + gap > free) continue;
    chosen.set(each, text);
    free -= columnsOf(text) + gap;
  }
  // What is left goes to the most important first.
  for (const each of byImportance) {
    const now = chosen.get(each);
    if (now === undefined) continue;
    const longer = each.ways.find((way) => columnsOf(way) - columnsOf(now) <= free);
    if (longer === undefined || columnsOf(longer) <= columnsOf(now)) continue;
    chosen.set(each, longer);
    free -= columnsOf(longer) - columnsOf(now);
  }
  return pieces.flatMap((each) => chosen.get(each) ?? []).join(' '.repeat(GAP));
}
