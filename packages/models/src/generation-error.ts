import { ForetokenError } from '@foretoken/tensor';

/** A model gave logits that no token can be chosen from. */
export class GenerationError extends ForetokenError {}

/** The index of the first value that is NaN or infinite; -1 where all are finite. */
export function firstNonFinite(values: Float32Array): number {
  for (let index = 0; index < values.length; index++) if (!Number.isFinite(values[index])) return index;
  return -1;
}

/** What to look for when logits are not finite. */
const CAUSE =
  'A weight of the model is NaN or infinite, or its values overflow. Check how it was trained, or use f32 where it runs in f16.';

/**
 * The error for logits that are not finite.
 *
 * @param prompt - index of the prompt among those of the call
 * @param step - 0 for the first new token
 * @param found - which logit, where that is known
 */
export function nonFiniteLogits(
  prompt: number,
  step: number,
  found?: { id: number; value: number },
): GenerationError {
  const which = found === undefined ? '' : ` (that of token ${found.id} is ${found.value})`;
  return new GenerationError(
    `generate: the logits for new token ${step} of prompt ${prompt} are not finite${which}. ${CAUSE}`,
  );
}

/** @throws GenerationError when a logit is NaN or infinite */
export function checkLogits(logits: Float32Array, prompt: number, step: number): void {
  const id = firstNonFinite(logits);
  if (id !== -1) throw nonFiniteLogits(prompt, step, { id, value: logits[id] as number });
}
