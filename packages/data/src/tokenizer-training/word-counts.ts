/** GPT-2's words: a word with the space before it, digits, signs, and white space. */
const WORD = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** Adds the words of a text to counts, in the order of first occurrence. */
export function countWords(text: string, counts: Map<string, number>): void {
  for (const [word] of text.matchAll(WORD)) counts.set(word, (counts.get(word) ?? 0) + 1);
}
