import type { ImageTokenTask } from '@foretoken/data';
import { type SamplingOptions, TokenGenerator, type Transformer } from '@foretoken/models';

export interface SampleOptions extends SamplingOptions {
  /** 1 for none. */
  readonly guidance: number;
  readonly seed: number;
  /** Images at a time. */
  readonly batch: number;
}

/**
 * Draws images of classes, token by token.
 *
 * @param labels - the class of each image
 * @returns codes `[N, tokens of an image]`
 */
export async function sampleImages(
  model: Transformer,
  task: ImageTokenTask,
  labels: readonly number[],
  { guidance, seed, batch, temperature, topK, topP }: SampleOptions,
): Promise<Int32Array> {
  const cells = task.maxTime - 1;
  const isGuided = guidance !== 1 && task.classes > 0;
  const generator = new TokenGenerator(model, {
    batch: (isGuided ? 2 : 1) * Math.max(1, Math.min(batch, labels.length)),
    channels: task.channels,
    capacity: task.maxTime,
  });
  const tokens = new Int32Array(labels.length * cells);
  const hidden = { scale: guidance, prompts: labels.map(() => task.prompt()) };
  try {
    const images = await generator.generate(
      labels.map((label) => task.prompt(label)),
      {
        maxNewTokens: cells,
        seed,
        temperature,
        topK,
        topP,
        ...(isGuided ? { guidance: hidden } : {}),
      },
    );
    images.forEach((image, at) => {
      tokens.set(image, at * cells);
    });
    return tokens;
  } finally {
    generator.dispose();
  }
}
