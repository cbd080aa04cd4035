// T tokens of a pass, A places added behind them, M of the last tokens that drafts follow, K drafts a token, D width.
import type { Tensor } from '@foretoken/tensor';
import type { BlockInputs } from '../block.js';
import type { Transformer } from '../transformer.js';

/** Places that a drafter adds to a pass; each sees the tokens up to the one that it follows, and itself. */
export interface AddedPlaces {
  /** What stands there, f32 `[1, A, D]`. */
  readonly embeddings: Tensor;
  /** Places in the sequence of the tokens that they follow, i32 `[1, A]`. */
  readonly order: Tensor;
  /** Position ids, i32 `[1, A]`. */
  readonly positions: Tensor;
}

/** One pass over tokens, most of which may be drafts to verify. */
export interface DraftPass {
  readonly model: Transformer;
  /** Where the tokens stand in the sequence, which is their position ids too: i32 `[1, T]`. */
  readonly places: Tensor;
  /** M: how many of the last tokens need drafts behind them. */
  readonly wanted: number;
  /** Runs the trunk over the tokens and what is added: states before the final norm, `[1, T + A, D]`. */
  residual(added?: AddedPlaces): Tensor;
  /** What block number `layer` of the drafter needs to read the tokens' states, with its part of the cache. */
  blockInputs(layer: number): BlockInputs;
}

/**
 * Guesses tokens ahead of the model, within the model's own pass. The token at place t makes the model predict t + 1; the
 * drafts behind it are for t + 2 to t + 1 + K.
 */
export interface Drafter {
  /** `registers` or `heads`. */
  readonly name: string;
  /** K */
  readonly draftCount: number;
  /** Blocks of its own whose keys and values must be kept. */
  readonly cacheLayers: number;
  /** A for a pass that wants drafts behind this many tokens: all that its `residual` is given, always. */
  addedPlaces(wanted: number): number;
  /**
   * Adds to the graph of a pass.
   *
   * @returns states before the final norm: of the M last tokens, then K drafts for each of them, `[1, M (1 + K), D]`
   */
  propose(pass: DraftPass): Tensor;
}
