/** GPT-2's words: a word with the space before it, digits, signs, and white space. */
const WORD = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/** How often each word occurs in texts, in the order of first occurrence; what is between special tokens counts. */
export function countWords(texts: Iterable<string>, specialTokens: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const part of withoutSpecial(text, specialTokens)) {
      for (const [word] of part.matchAll(WORD)) counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

/** The parts of a text between special tokens, which are written out in it. */
export function withoutSpecial(text: string, specialTokens: readonly string[]): string[] {
  return specialTokens.reduce<string[]>((parts, token) => parts.flatMap((part) => part.split(token)), [text]);
}
