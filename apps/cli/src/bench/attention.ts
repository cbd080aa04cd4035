// B batch, H heads, T time, D width of a head.
import { causalMask } from '@foretoken/models';
import { attention, type Device, grad } from '@foretoken/tensor';
import { randomVariable } from './random-variable.js';
import { timeStep } from './timing.js';

export interface AttentionShape {
  readonly batch: number;
  readonly heads: number;
  readonly time: number;
  readonly headWidth: number;
}

export interface AttentionResult extends AttentionShape {
  readonly forwardGflops: number;
  readonly backwardGflops: number;
  readonly forwardMicroseconds: number;
  /** Of forward and backward together, less that of the forward pass. */
  readonly backwardMicroseconds: number;
  readonly variant: string;
}

/** Attention of the sizes S and M, then of longer contexts. */
export const ATTENTION_SHAPES: readonly AttentionShape[] = [
  { batch: 16, heads: 4, time: 64, headWidth: 16 },
  { batch: 8, heads: 4, time: 128, headWidth: 32 },
  { batch: 4, heads: 4, time: 256, headWidth: 32 },
  { batch: 2, heads: 4, time: 512, headWidth: 64 },
];

/** Both products over the pairs that a causal mask leaves. */
export const attentionFlops = ({ batch, heads, time, headWidth }: AttentionShape): number =>
  4 * batch * heads * ((time * (time + 1)) / 2) * headWidth;

/** A backward pass has five products for the two of the forward one, as one of those is computed again. */
const BACKWARD_FACTOR = 2.5;

/** Measures causal attention, forward and backward. */
export async function benchAttention(device: Device, shape: AttentionShape): Promise<AttentionResult> {
  const { batch, heads, time, headWidth } = shape;
  const draw = () => randomVariable(device, [batch, heads, time, headWidth]);
  const [query, key, value, upstream] = [draw(), draw(), draw(), draw()];
  const attend = () => attention(query, key, value, { mask: causalMask(device, time) });
  const forward = device.compile(() => ({ result: attend() }), { name: 'attention' });
  const both = device.compile(
    () => {
      const result = attend();
      return { result, gradients: grad(result.mul(upstream).sum(), [query, key, value]) };
    },
    { name: 'attention and gradients' },
  );
  try {
    const { bestMicroseconds: forwardMicroseconds, variant } = await timeStep(device, forward, {});
    const { bestMicroseconds } = await timeStep(device, both, {});
    const backwardMicroseconds = Math.max(bestMicroseconds - forwardMicroseconds, 0);
    const flops = attentionFlops(shape);
    return {
      ...shape,
      forwardGflops: flops / forwardMicroseconds / 1000,
      backwardGflops: (BACKWARD_FACTOR * flops) / backwardMicroseconds / 1000,
      forwardMicroseconds,
      backwardMicroseconds,
      variant,
    };
  } finally {
    forward.dispose();
    both.dispose();
    for (const variable of [query, key, value, upstream]) variable.dispose();
  }
}
