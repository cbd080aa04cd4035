/** How much of a codebook tokens use. */
export interface CodeUsage {
  /** Codes that occur. */
  readonly used: number;
  /** exp of the entropy of the codes, in nats: as many equally frequent codes would have it. */
  readonly perplexity: number;
}

/** @param codes - size of the codebook */
export function codeUsage(tokens: ArrayLike<number>, codes: number): CodeUsage {
  const counts = new Float64Array(codes);
  for (let at = 0; at < tokens.length; at++) {
    const code = tokens[at] as number;
    counts[code] = (counts[code] as number) + 1;
  }
  const present = counts.filter((count) => count > 0);
  const entropy = present.reduce((sum, count) => {
    const share = count / tokens.length;
    return sum - share * Math.log(share);
  }, 0);
  return { used: present.length, perplexity: Math.exp(entropy) };
}
