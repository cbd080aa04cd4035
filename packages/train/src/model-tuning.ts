import type { Transformer } from '@foretoken/models';
import { type PretrainedOrigin, savePretrained } from '@foretoken/models/node';
import type { Variable } from '@foretoken/tensor';

/**
 * What of a model is trained, and how the result is written for other tools. Checkpoints hold exactly the variables that
 * are trained, under their names here; the rest comes from `model.from` again.
 */
export interface ModelTuning {
  readonly name: string;
  /** The variables of the model that train, by name. Called once, when the model has its first values. */
  parameters(model: Transformer): ReadonlyMap<string, Variable>;
  /**
   * Writes the trained model to a folder.
   *
   * @throws CheckpointError in one line
   */
  save(model: Transformer, folder: string, origin: PretrainedOrigin | undefined): Promise<void>;
}

/** Every weight of the model. */
export const fullWeights: ModelTuning = {
  name: 'full',
  parameters: (model) => model.parameters(),
  save: (model, folder, origin) => savePretrained(model, folder, origin === undefined ? {} : { origin }),
};
