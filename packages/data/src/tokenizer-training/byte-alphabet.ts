const inRange = (byte: number, [first, last]: readonly [number, number]): boolean =>
  byte >= first && byte <= last;

/** Bytes that stand for themselves: those that print. */
const PRINTED: readonly (readonly [number, number])[] = [
  [0x21, 0x7e],
  [0xa1, 0xac],
  [0xae, 0xff],
];

/** The characters that GPT-2's byte-level tokenizers write bytes as; a space is written as U+0120. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(PRINTED.some((range) => inRange(byte, range)) ? byte : next++),
  );
})();

/** These characters in the order in which Hugging Face numbers an alphabet: by code point. */
export const BYTE_ALPHABET: readonly string[] = [...BYTE_CHARACTERS].sort(
  (a, b) => (a.codePointAt(0) as number) - (b.codePointAt(0) as number),
);
