import type { TrainEvent } from './events.js';

/** Figures of an event under the names that dashboards group by: TensorBoard, Weights & Biases. */
export function figuresOfEvent(event: TrainEvent): Record<string, number> | undefined {
  const grouped = (group: string, figures: Readonly<Record<string, number>>): [string, number][] =>
    Object.entries(figures).map(([name, value]) => [`${group}/${name}`, value]);
  if (event.type === 'metrics') {
    const { loss, parts, gradientNorm, learningRate, tokens, tokensPerSecond, peakBytes } = event;
    return {
      'train/loss': loss,
      ...Object.fromEntries(grouped('train/parts', parts)),
      'train/gradientNorm': gradientNorm,
      'train/learningRate': learningRate,
      'progress/tokens': tokens,
      'progress/tokensPerSecond': tokensPerSecond,
      'progress/peakMebibytes': peakBytes / 2 ** 20,
    };
  }
  if (event.type !== 'evaluation') return undefined;
  const { scores, validationLoss } = event;
  const loss = validationLoss === undefined ? {} : { loss: validationLoss };
  return Object.fromEntries(grouped('validation', { ...loss, ...scores }));
}
