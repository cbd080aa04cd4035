import type { Device } from '@foretoken/tensor';
import type { Recipe } from './recipe.js';
import type { MetricsSink } from './sink.js';

export interface TrainOptions {
  readonly device: Device;
  readonly recipe: Recipe;
  /** Name of an objective. */
  readonly objective: string;
  readonly seed: number;
  /** The run folder. A run that was interrupted goes on; a finished one gives its summary again. */
  readonly folder: string;
  /** Recorded in `config.json`. */
  readonly command?: string;
  readonly commit?: string;
  /** Hear every event: `TensorBoardSink`, or your own. */
  readonly sinks?: readonly MetricsSink[];
  /**
   * Ends training as soon as what is done so far has been saved, in the middle of an evaluation too; the generator then
   * throws the reason of the signal.
   */
  readonly signal?: AbortSignal;
}
