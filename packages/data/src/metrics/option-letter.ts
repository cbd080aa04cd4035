/** A capital letter that stands alone, or a letter of either case in brackets or before one: `C`, `(c)`, `c)`. */
const LETTER = String.raw`(?:\(\s*([A-Ea-e])\s*\)|\[\s*([A-Ea-e])\s*\]|([A-Ea-e])\)|\*{0,2}([A-E])(?![A-Za-z0-9'\u2019]))`;

/** Patterns in the order in which they are tried, and which of several matches counts. */
const RULES: readonly { readonly pattern: RegExp; readonly pick: 'first' | 'last' }[] = [
  // "The answer is (C).", "Answer: C", "Correct answer - A", "the correct option is D", "answer is option B".
  {
    pattern: new RegExp(
      String.raw`\b(?:[Aa]nswer|ANSWER|[Oo]ption|[Cc]hoice)\b(?:\s+(?:is|IS|choice|option)\b)*\s*[:=\-\u2013]?\s*(?:\b[Oo]ption\b\s*)?\$?${LETTER}`,
      'g',
    ),
    pick: 'last',
  },
  // The whole text, or its first words: "C", "(c)", "C) 600".
  { pattern: /^\W*(?:([A-Ea-e])\W*$|([A-Ea-e])\))/g, pick: 'first' },
  // "Therefore, C."
  { pattern: /(?<![A-Za-z0-9'\u2019])([A-E])[\s.)\]*]*$/g, pick: 'last' },
  // "so (b) it must be"
  { pattern: /\(([A-Ea-e])\)/g, pick: 'last' },
];

/**
 * The option that an answer to a multiple-choice question names, as a capital letter from A to E. The last "answer is
 * C" (or "answer: C", "option C") counts; failing that, a text that is or begins with an option (`C`, `C) 600`), a
 * capital letter at the very end, the last letter in brackets.
 *
 * @returns undefined when it names none; "a" as an English word is no option
 */
export function optionLetter(answer: string): string | undefined {
  const text = answer.trim().replace(/\s+/g, ' ');
  for (const { pattern, pick } of RULES) {
    const match = [...text.matchAll(pattern)].at(pick === 'first' ? 0 : -1);
    const letter = match?.slice(1).find((group) => group !== undefined);
    if (letter !== undefined) return letter.toUpperCase();
  }
  return undefined;
}
