import { checkOptions, type GenerateOptions } from './generate-options.js';
import type { Prompt } from './prompt-layout.js';
import { type GeneratedTokens, TokenGenerator, type TokenGeneratorConfig } from './token-generator.js';
import type { Transformer } from './transformer.js';

/** All that a one-off generation can be told. */
export type OneOffOptions = GenerateOptions &
  Partial<Pick<TokenGeneratorConfig, 'batch' | 'channels' | 'bidirectionalPrefix'>>;

function generatorFor(
  model: Transformer,
  prompts: readonly Prompt[],
  options: OneOffOptions,
): TokenGenerator {
  const {
    channels = 1,
    batch = Math.max(1, prompts.length) * (options.guidance === undefined ? 1 : 2),
    bidirectionalPrefix = false,
    maxNewTokens,
    whenFull,
    guidance,
  } = options;
  checkOptions(options);
  const read = [...prompts, ...(guidance?.prompts ?? [])];
  const longest = read.reduce((most, prompt) => Math.max(most, Math.ceil(prompt.length / channels)), 1);
  const wanted = longest + Math.max(0, maxNewTokens - 1);
  const { maxPositions } = model.config;
  const capacity = whenFull === 'stop' ? Math.max(longest, Math.min(wanted, maxPositions)) : wanted;
  return new TokenGenerator(model, { batch, capacity, channels, bidirectionalPrefix });
}

/**
 * Continues prompts (of any lengths) and gives the new tokens of each, without the stop token. Compiles steps for
 * this one call: use a `TokenGenerator` where the same model generates repeatedly.
 */
export async function generate(
  model: Transformer,
  prompts: readonly Prompt[],
  options: OneOffOptions,
): Promise<number[][]> {
  const generator = generatorFor(model, prompts, options);
  try {
    return await generator.generate(prompts, options);
  } finally {
    generator.dispose();
  }
}

/** As `generate`, but yields tokens as they appear. All prompts run in one batch. */
export async function* streamTokens(
  model: Transformer,
  prompts: readonly Prompt[],
  options: Omit<OneOffOptions, 'batch'>,
): AsyncGenerator<GeneratedTokens, void> {
  const generator = generatorFor(model, prompts, options);
  try {
    yield* generator.stream(prompts, options);
  } finally {
    generator.dispose();
  }
}
