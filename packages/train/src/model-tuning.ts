import { dirname, join } from 'node:path';
import { addLora, type Lora, type LoraConfigInput, type Transformer } from '@foretoken/models';
import { type PretrainedOrigin, saveLora, savePretrained } from '@foretoken/models/node';
import type { HostRandom, Variable } from '@foretoken/tensor';

/** What is written for other tools, and where. */
export interface TunedModel {
  readonly model: Transformer;
  readonly folder: string;
  readonly origin: PretrainedOrigin | undefined;
  /** JSON files to lie beside config.json: those of a tokenizer that was trained for the task. */
  readonly files?: Readonly<Record<string, object>>;
  /** What the objective trained along: registers, heads. */
  readonly extra: ReadonlyMap<string, Variable>;
}

/**
 * What of a model is trained, and how the result is written for other tools. Checkpoints hold exactly the variables that
 * are trained, under their names here; the rest comes from `model.from` again.
 */
export interface ModelTuning {
  readonly name: string;
  /** Whether passes of training draw what to leave out. */
  readonly hasDropout: boolean;
  /** The variables of the model that train, by name. Called once, when the model has its first values. */
  parameters(model: Transformer): ReadonlyMap<string, Variable>;
  /**
   * Writes the trained model to a folder.
   *
   * @throws CheckpointError in one line
   */
  save(tuned: TunedModel): Promise<void>;
}

const saveWhole = ({ model, folder, origin, files }: TunedModel): Promise<void> =>
  savePretrained(model, folder, {
    ...(origin === undefined ? {} : { origin }),
    ...(files === undefined ? {} : { files }),
  });

/** Every weight of the model. */
export const fullWeights: ModelTuning = {
  name: 'full',
  hasDropout: false,
  parameters: (model) => model.parameters(),
  save: saveWhole,
};

/** The folder of adapters, beside that of the model. */
export const ADAPTER_FOLDER = 'adapter';

/**
 * Low-rank adapters (arXiv 2106.09685) beside linear layers, whose own weights stay as they are. The model is saved with the
 * adapters merged into it, the adapters by themselves in PEFT's format, the objective's own parameters with them.
 */
export class LoraTuning implements ModelTuning {
  readonly name = 'lora';
  readonly hasDropout: boolean;
  #lora: Lora | undefined;

  /** @param baseModel - where the model came from, for whoever opens the adapters */
  constructor(
    readonly config: LoraConfigInput,
    readonly baseModel: string,
    readonly random: HostRandom,
  ) {
    this.hasDropout = (config.dropout ?? 0) > 0;
  }

  parameters(model: Transformer): ReadonlyMap<string, Variable> {
    this.#lora = addLora(model, this.config, this.random);
    return this.#lora.parameters();
  }

  async save(tuned: TunedModel): Promise<void> {
    const lora = this.#lora as Lora;
    const folder = join(dirname(tuned.folder), ADAPTER_FOLDER);
    await saveLora(lora, folder, { baseModel: this.baseModel, objective: tuned.extra });
    lora.merge();
    try {
      await saveWhole(tuned);
    } finally {
      lora.unmerge();
    }
  }
}
