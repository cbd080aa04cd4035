// N images, B of them in a batch, K codes, E width of a code.
import { AdamW, clipGradNorm, cosineSchedule, takeGradients } from '@foretoken/nn';
import { HostRandom, type Tensor } from '@foretoken/tensor';
import { type CodeUsage, codeUsage } from './usage.js';
import type { VqAutoencoder } from './vq-autoencoder.js';

export interface TrainVqOptions {
  readonly steps: number;
  /** Images of a step. Default 64. */
  readonly batch?: number | undefined;
  /** Highest learning rate of AdamW. Default 2e-3. */
  readonly learningRate?: number | undefined;
  /** Factor of the commitment loss; 0.25 in arXiv 1711.00937. Default 0.25. */
  readonly commitment?: number | undefined;
  /** Steps between reports, each of which also moves codes that nothing has used since the last. Default 50. */
  readonly every?: number | undefined;
  /** Default 0. */
  readonly seed?: number | undefined;
}

/** How training stands, over the steps since the last report. */
export interface VqReport extends CodeUsage {
  readonly step: number;
  readonly reconstruction: number;
  readonly commitment: number;
  /** Codes that were moved to vectors of the encoder. */
  readonly deadCodes: number;
}

/** Share of the steps in which dead codes are moved; those after it leave the codebook to itself. */
const MOVING = 0.8;

/**
 * Trains a vector-quantising autoencoder on images. Codes begin as vectors of the encoder, and dead ones become some again.
 * The same seed gives the same tokenizer on the same adapter.
 *
 * @param pixels - bytes `[N, C, height, width]`
 */
export async function* trainVqAutoencoder(
  model: VqAutoencoder,
  pixels: Uint8Array,
  { steps, batch = 64, learningRate = 2e-3, commitment = 0.25, every = 50, seed = 0 }: TrainVqOptions,
): AsyncGenerator<VqReport, void> {
  const { device, config } = model;
  const { channels, height, width } = config.image;
  const each = channels * height * width;
  const random = new HostRandom(seed, 1);
  const parameters = model.parameters();
  const optimizer = new AdamW(parameters, { betas: [0.9, 0.99], weightDecay: 0 });
  const schedule = cosineSchedule({
    peak: learningRate,
    warmupSteps: Math.min(50, steps),
    totalSteps: steps,
  });
  const step = device.compile(
    ({ images, rate, number }: { images: Tensor; rate: Tensor; number: Tensor }) => {
      const pass = model.train(images.reshape([batch, channels, height, width]));
      pass.reconstruction.add(pass.codebook).add(pass.commitment.mul(commitment)).backward();
      const { gradients } = clipGradNorm(takeGradients(parameters), 1);
      optimizer.step(gradients, { learningRate: rate, stepNumber: number });
      return {
        reconstruction: pass.reconstruction,
        commitment: pass.commitment,
        tokens: pass.tokens,
        vectors: pass.vectors,
      };
    },
    { name: 'train VQ autoencoder' },
  );
  const drawImages = (): Float32Array => {
    const images = new Float32Array(batch * each);
    for (let row = 0; row < batch; row++) {
      const first = random.integer(pixels.length / each) * each;
      for (let at = 0; at < each; at++) images[row * each + at] = (pixels[first + at] as number) / 255;
    }
    return images;
  };
  let [reconstruction, committed, taken] = [0, 0, 0];
  let used: number[] = [];
  try {
    for (let at = 0; at < steps; at++) {
      const found = step.run({
        images: { data: drawImages(), shape: [batch, each] },
        rate: { data: Float32Array.of(schedule(at)), shape: [] },
        number: { data: Int32Array.of(at + 1), shape: [] },
      });
      const [error, commit, tokens, vectors] = await Promise.all([
        found.reconstruction.data(),
        found.commitment.data(),
        found.tokens.data(),
        found.vectors.data(),
      ]);
      reconstruction += error[0] as number;
      committed += commit[0] as number;
      taken++;
      for (const token of tokens) used.push(token);
      const isFirst = at === 0;
      if (!isFirst && (at + 1) % every !== 0 && at + 1 !== steps) continue;
      const isUsed = new Set(isFirst ? [] : used);
      const dead = Array.from({ length: config.codes }, (_, code) => code).filter(
        (code) => !isUsed.has(code),
      );
      const moved = at < MOVING * steps ? dead : [];
      if (moved.length > 0) await moveCodes(model, moved, vectors as Float32Array, random);
      yield {
        step: at + 1,
        reconstruction: reconstruction / taken,
        commitment: committed / taken,
        ...codeUsage(used, config.codes),
        deadCodes: moved.length,
      };
      [reconstruction, committed, taken, used] = [0, 0, 0, []];
    }
  } finally {
    step.dispose();
    optimizer.dispose();
  }
}

/** Puts codes where vectors of the encoder are. */
async function moveCodes(
  model: VqAutoencoder,
  moved: readonly number[],
  vectors: Float32Array,
  random: HostRandom,
): Promise<void> {
  const { codeWidth } = model.config;
  const codes = Float32Array.from(await model.codes.weight.data());
  for (const code of moved) {
    const vector = random.integer(vectors.length / codeWidth);
    codes.set(vectors.subarray(vector * codeWidth, (vector + 1) * codeWidth), code * codeWidth);
  }
  model.codes.weight.load(codes);
}
