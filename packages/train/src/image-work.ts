import type { ImageBatch, ImageTask } from '@foretoken/data';
import { loadImageTask } from '@foretoken/data/node';
import type { ImageClassifier } from '@foretoken/models';
import { type PretrainedOrigin, savePretrained } from '@foretoken/models/node';
import {
  type Classify,
  createFrom,
  imageObjectiveKinds,
  type LossInputs,
  type ObjectiveLoss,
  type PreparedBatch,
} from '@foretoken/objectives';
import { type Device, HostRandom, type Variable } from '@foretoken/tensor';
import { Evaluator } from './evaluate.js';
import { ImageAnswers } from './image-answers.js';
import { makeClassifier } from './image-model.js';
import { classLabels, PREPROCESSOR_FILE, preprocessorOf } from './image-preprocessor.js';
import { STREAM } from './streams.js';
import { type Scoring, ValidationLoss } from './validation-loss.js';
import type { HeldOutLoss, QuestionEvaluator, WorkBatch, Workload, WorkRequest } from './workload.js';

/** A classifier that learns what is on images. */
export class ImageWork implements Workload {
  readonly shapes = 1;
  readonly modelVariables: ReadonlyMap<string, Variable>;

  /**
   * Reads the images, and makes model and objective for them.
   *
   * @param name - of the data set
   * @throws DataError or ConfigError, in one line that says what is wrong and where
   */
  static async open(name: string, request: WorkRequest): Promise<ImageWork> {
    const { device, recipe, settings, objective, seed, onPhase } = request;
    onPhase?.({ phase: 'data' });
    const task = loadImageTask(name, { ...settings, seed });
    const random = new HostRandom(seed, STREAM.model);
    if (recipe.model['from'] !== undefined) onPhase?.({ phase: 'weights' });
    const { model, origin } = await makeClassifier(device, recipe.model, task.dataSet, random);
    const made = createFrom(imageObjectiveKinds, objective, recipe.objectives[objective] ?? {}, {
      device,
      modelConfig: model.config,
      random: new HostRandom(seed, STREAM.objective),
    });
    return new ImageWork(device, task, model, made, origin);
  }

  private constructor(
    readonly device: Device,
    readonly task: ImageTask,
    readonly model: ImageClassifier,
    readonly objective: Classify,
    readonly origin: PretrainedOrigin | undefined,
  ) {
    this.modelVariables = model.parameters();
  }

  get reports(): readonly string[] {
    return this.task.describeReports();
  }
  get precision(): 'f32' | 'f16' {
    return this.model.config.trunk.precision;
  }
  get hasDropout(): boolean {
    return this.model.config.trunk.dropout > 0;
  }

  batch(step: number, size: number): WorkBatch {
    const batch = this.task.batch('train', step, size);
    return {
      shape: String(size),
      cost: this.objective.cost(this.model.config, size),
      prepare: () => this.objective.prepare(batch),
    };
  }

  loss(inputs: LossInputs): ObjectiveLoss {
    return this.objective.loss(this.model, inputs);
  }

  evaluator(): QuestionEvaluator {
    return new Evaluator(this.task, new ImageAnswers(this.device, this.model));
  }

  heldOutLoss(batch: number): HeldOutLoss {
    const scoring: Scoring<ImageBatch, ImageClassifier> = { objective: this.objective, onlyFirst, scored };
    return new ValidationLoss(this.device, this.task, this.model, scoring, batch);
  }

  isExpressible(): boolean {
    return true;
  }

  saveModel(folder: string): Promise<void> {
    const { task, model, origin } = this;
    return savePretrained(model, folder, {
      ...(origin === undefined ? {} : { origin }),
      config: classLabels(task),
      files: { [PREPROCESSOR_FILE]: preprocessorOf(task) },
    });
  }

  dispose(): void {
    this.model.dispose();
    this.objective.dispose();
  }
}

/** Images count as much as their labels add up to. */
function scored({ labels }: PreparedBatch): number {
  const shares = labels?.data as Float32Array;
  return shares.reduce((sum, share) => sum + share, 0);
}

function onlyFirst(examples: ImageBatch, wanted: number): ImageBatch {
  return { ...examples, labels: examples.labels.slice().fill(0, wanted * examples.classes) };
}
