/** Where no terminal says how wide it is. */
const PAGE = 100;

/** A terminal that says it is narrower is not believed. */
const NARROWEST = 40;

/** Columns of the terminal that reads standard output, at most those of a page. */
export const pageWidth = (columns: number | undefined = process.stdout.columns): number =>
  Math.min(PAGE, Math.max(NARROWEST, columns || PAGE));

/** Words in lines of at most `width` characters; a longer word is cut. */
export function wrapWords(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    if (line !== '' && line.length + 1 + word.length <= width) {
      line += ` ${word}`;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (line.length > width) {
      lines.push(line.slice(0, width));
      line = line.slice(width);
    }
  }
  return line === '' ? lines : [...lines, line];
}

/** A paragraph whose lines begin after so many spaces. */
export const paragraph = (text: string, width: number, indent = 0): string =>
  wrapWords(text, width - indent)
    .map((line) => `${' '.repeat(indent)}${line}`)
    .join('\n');
