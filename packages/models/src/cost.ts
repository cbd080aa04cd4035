import { isGated } from '@foretoken/nn';
import type { TransformerConfig } from './config.js';

const linearSize = (inWidth: number, outWidth: number, bias: boolean): number =>
  outWidth * (inWidth + (bias ? 1 : 0));

const normSize = ({ norm, bias, width }: TransformerConfig): number =>
  norm === 'layer' && bias.norm ? 2 * width : width;

/** Parameters of one block. */
export function blockParameterCount(config: TransformerConfig): number {
  const { width, heads, keyValueHeads, headWidth, mlp, mlpWidth, bias } = config;
  const projected = (heads + 2 * keyValueHeads) * headWidth;
  const attention =
    linearSize(width, projected, bias.queryKeyValue) +
    linearSize(heads * headWidth, width, bias.attentionOutput);
  const norms = normSize(config) * (config.outputNorms ? 2 : 1);
  if (mlp === 'none') return attention + norms;
  const upWidth = isGated(mlp) ? 2 * mlpWidth : mlpWidth;
  return attention + 2 * norms + linearSize(width, upWidth, bias.mlp) + linearSize(mlpWidth, width, bias.mlp);
}

/** Parameters of a whole transformer, shared ones counted once. */
export function parameterCount(config: TransformerConfig): number {
  const { width, layers, vocabularySize, channelVocabularySizes, maxPositions, tiedEmbeddings } = config;
  const rows = channelVocabularySizes.reduce((sum, size) => sum + size, vocabularySize);
  const positions = config.positions === 'learned' ? maxPositions * width : 0;
  const output = tiedEmbeddings ? 0 : vocabularySize * width;
  return rows * width + positions + layers * blockParameterCount(config) + normSize(config) + output;
}

/** Sizes of a pass. */
export interface PassSize {
  readonly batch: number;
  /** Tokens of each sequence that go through the blocks, registers included. */
  readonly time: number;
  /** Keys that each token is compared with; `time` (a dense mask) when absent. */
  readonly keys?: number;
}

/** Multiplications and additions in the matrix products of one block's forward pass. */
export function blockFlops(config: TransformerConfig, { batch, time, keys = time }: PassSize): number {
  const { width, heads, keyValueHeads, headWidth, mlp, mlpWidth } = config;
  const attentionWeights = (2 * heads + 2 * keyValueHeads) * headWidth * width;
  const mlpWeights = mlp === 'none' ? 0 : (isGated(mlp) ? 3 : 2) * width * mlpWidth;
  const scores = 2 * heads * headWidth * keys;
  return 2 * batch * time * (attentionWeights + mlpWeights + scores);
}

/** The same for the output, over `rows` hidden states. */
export function logitsFlops(config: TransformerConfig, rows: number): number {
  return 2 * rows * config.width * config.vocabularySize;
}

/** The same for all blocks and the logits of `logitRows` hidden states (every token when absent). */
export function forwardFlops(
  config: TransformerConfig,
  size: PassSize & { readonly logitRows?: number },
): number {
  const { logitRows = size.batch * size.time } = size;
  return config.layers * blockFlops(config, size) + logitsFlops(config, logitRows);
}

/** A backward pass takes two products for each product of the forward pass. */
export const TRAINING_FACTOR = 3;
