// V vocabulary.
import { ConfigError } from '@foretoken/nn';
import type { Prompt } from './prompt-layout.js';

/**
 * Classifier-free guidance (arXiv 2207.12598) as LlamaGen has it: each sequence is read twice, behind its prompt and behind
 * one that does not say what is wanted, and the next token is drawn from the logits
 *
 *     unconditional + scale * (conditional - unconditional)
 */
export interface Guidance {
  /** 1 is no guidance, more follows the prompt more closely than the model does by itself. */
  readonly scale: number;
  /** What stands for each prompt where it is hidden: for a class token, that of no class. */
  readonly prompts: readonly Prompt[];
}

/** @throws ConfigError when there is not one hidden prompt for each, or the scale is no number from 0 on */
export function checkGuidance({ scale, prompts }: Guidance, count: number): void {
  if (!(scale >= 0 && scale < Number.POSITIVE_INFINITY))
    throw new ConfigError(`generate: guidance.scale must be 0 or more, got ${scale}.`);
  if (prompts.length !== count) {
    throw new ConfigError(
      `generate: guidance needs a prompt for each of the ${count}, got ${prompts.length}.`,
    );
  }
}

/** Logits `[V]` from those behind a prompt and those behind what stands for it. */
export function guide(conditional: Float32Array, unconditional: Float32Array, scale: number): Float32Array {
  return conditional.map((value, id) => {
    const without = unconditional[id] as number;
    return without + scale * (value - without);
  });
}
