import { z } from 'zod';

/** Settings that every objective has. */
export const commonSettings = {
  lossOn: z
    .enum(['answer', 'all'])
    .default('answer')
    .describe('score the tokens of the answer only, or those of the prompt as well'),
  bidirectionalPrefix: z
    .boolean()
    .default(false)
    .describe('let tokens of the prompt see the whole prompt, in training and when answering'),
};

/** A share of the loss. */
export const share = z.number().min(0).max(1);
