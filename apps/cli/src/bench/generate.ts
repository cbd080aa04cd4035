import { TokenGenerator, Transformer } from '@foretoken/models';
import { type Device, HostRandom } from '@foretoken/tensor';
import { median } from '../statistics.js';
import { gptConfig, type NamedSize } from './sizes.js';

export interface GenerateResult {
  readonly size: string;
  readonly adapter: string;
  /** Sequences that are continued at once. */
  readonly sequences: number;
  readonly promptTokens: number;
  readonly newTokens: number;
  /** New tokens of all sequences, at the median time between two of them. */
  readonly tokensPerSecond: number;
  /** Median time of one more token for every sequence. */
  readonly tokenMs: number;
  /** From the call to the first token, when all is compiled. */
  readonly promptMs: number;
  /** The same for the very first call: tracing and compilation included. */
  readonly firstPromptMs: number;
}

/** Continues random prompts of a quarter of the context up to its end, greedily, with a key/value cache. */
export async function benchGenerate(
  device: Device,
  { name, size }: NamedSize,
  { sequences, seed }: { readonly sequences: number; readonly seed: number },
): Promise<GenerateResult> {
  const { context, vocab } = size;
  const model = new Transformer(device, gptConfig(size), new HostRandom(seed, 1));
  const generator = new TokenGenerator(model, { batch: sequences });
  const promptTokens = Math.max(1, Math.floor(context / 4));
  const newTokens = context - promptTokens + 1;
  const random = new HostRandom(seed, 2);
  const prompts = Array.from({ length: sequences }, () =>
    Int32Array.from({ length: promptTokens }, () => random.integer(vocab)),
  );
  /** Milliseconds up to each token since the one before it. */
  const generate = async (): Promise<number[]> => {
    const times: number[] = [];
    let last = performance.now();
    for await (const _ of generator.stream(prompts, { maxNewTokens: newTokens, greedy: true })) {
      const now = performance.now();
      times.push(now - last);
      last = now;
    }
    return times;
  };
  try {
    const [firstPromptMs = Number.NaN] = await generate();
    const [promptMs = Number.NaN, ...times] = await generate();
    const tokenMs = median(times);
    return {
      size: name,
      adapter: device.info.name,
      sequences,
      promptTokens,
      newTokens,
      tokensPerSecond: (1000 * sequences) / tokenMs,
      tokenMs,
      promptMs,
      firstPromptMs,
    };
  } finally {
    generator.dispose();
    model.dispose();
  }
}
