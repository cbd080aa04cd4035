import { type SequenceBatch, type SequenceTask, type TextTokenizer, TrainedTokenizer } from '@foretoken/data';
import { CheckpointError, checkpointContents, type Transformer } from '@foretoken/models';
import type { PretrainedOrigin } from '@foretoken/models/node';
import { createObjective, type LossInputs, type Objective, type ObjectiveLoss } from '@foretoken/objectives';
import { type Device, HostRandom, type Variable } from '@foretoken/tensor';
import { RecipeError } from './errors.js';
import { Evaluator } from './evaluate.js';
import { makeModel, startFolder } from './model-source.js';
import { fullWeights, LoraTuning, type ModelTuning } from './model-tuning.js';
import type { Recipe } from './recipe.js';
import { type Sampler, type SampleSettings, TextSampler } from './samples.js';
import { SequenceAnswers } from './sequence-answers.js';
import type { LoadedTask, SequenceKind } from './sequence-kind.js';
import { STREAM } from './streams.js';
import { nextTokenLoss } from './validation-loss.js';
import type {
  HeldOutLoss,
  QuestionEvaluator,
  StepCost,
  WorkBatch,
  Workload,
  WorkRequest,
} from './workload.js';

/** What sequence work is made of. */
interface Parts {
  readonly device: Device;
  readonly loaded: LoadedTask;
  readonly model: Transformer;
  readonly objective: Objective;
  readonly origin: PretrainedOrigin | undefined;
  readonly tuning: ModelTuning;
  /** Of the objective. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A transformer that learns a task of sequences. */
export class SequenceWork implements Workload {
  readonly task: SequenceTask;
  readonly model: Transformer;
  readonly objective: Objective;
  /** Where the task is one of text. */
  readonly tokenizer: TextTokenizer | undefined;
  readonly modelVariables: ReadonlyMap<string, Variable>;
  readonly #parts: Parts;

  /**
   * Loads or makes task and model, and the objective for them.
   *
   * @throws DataError, CheckpointError or RecipeError, in one line that says what is wrong and where
   */
  static async open(kind: SequenceKind, request: WorkRequest): Promise<SequenceWork> {
    const { device, recipe, settings, objective, seed, onPhase } = request;
    const folder = await startFolder(recipe.model);
    onPhase?.({ phase: 'data' });
    const loaded = await kind.load(settings, seed, folder);
    const random = new HostRandom(seed, STREAM.model);
    const made = await makeModel({
      device,
      settings: recipe.model,
      kind,
      loaded,
      folder,
      random,
      ...(onPhase === undefined ? {} : { onPhase }),
    });
    const chosen = recipe.objectives[objective] ?? {};
    const tuning = tuningOf(recipe, seed);
    return new SequenceWork({
      ...made,
      device,
      loaded,
      tuning,
      settings: chosen,
      objective: createObjective(objective, chosen, {
        device,
        modelConfig: made.model.config,
        random: new HostRandom(seed, STREAM.objective),
      }),
    });
  }

  private constructor(parts: Parts) {
    this.model = parts.model;
    this.objective = parts.objective;
    this.task = parts.loaded.task;
    this.tokenizer = parts.loaded.tokenizer;
    this.#parts = parts;
    this.modelVariables = parts.tuning.parameters(parts.model);
  }

  get reports(): readonly string[] {
    return this.#parts.loaded.reports;
  }
  get precision(): 'f32' | 'f16' {
    return this.model.config.precision;
  }
  get hasDropout(): boolean {
    return this.model.config.dropout > 0 || this.#parts.tuning.hasDropout;
  }
  get shapes(): number {
    return this.task.batchTimes?.length ?? 1;
  }

  batch(step: number, size: number): WorkBatch {
    const batch = this.task.batch('train', step, size);
    return {
      shape: String(batch.time),
      cost: this.#costOf(batch),
      prepare: (random) => this.objective.prepare(batch, random),
    };
  }

  #costOf({ batch, time, lengths, prefixLengths, answerTime }: SequenceBatch): StepCost {
    // What is computed is the room that a batch of this shape makes for its answers.
    const prefix =
      answerTime === undefined
        ? prefixLengths.reduce((least, length) => Math.min(least, length), time)
        : time - answerTime;
    const { flops } = this.objective.cost(this.model.config, { batch, time, prefix });
    return { flops, tokens: lengths.reduce((all, length) => all + length, 0) };
  }

  loss(inputs: LossInputs): ObjectiveLoss {
    return this.objective.loss(this.model, inputs);
  }

  evaluator(): QuestionEvaluator {
    const { task, model, objective } = this;
    return new Evaluator(task, new SequenceAnswers(this.#parts.device, task, model, objective));
  }

  heldOutLoss(batch: number): HeldOutLoss {
    const { device, settings } = this.#parts;
    return nextTokenLoss(device, this.task, this.model, settings, batch);
  }

  /** None where the objective has the model answer all at once. */
  sampler(settings: SampleSettings, seed: number): Sampler | undefined {
    const { model, tokenizer, objective } = this;
    if (tokenizer === undefined || objective.decoding.kind === 'parallel') return undefined;
    const { bidirectionalPrefix } = objective.decoding;
    const endsTexts = this.task.config['endToken'] !== false;
    return new TextSampler({ model, tokenizer, settings, seed, endsTexts, bidirectionalPrefix });
  }

  /** Models of text are written, where a family of models that other tools know expresses them. */
  isExpressible(): boolean {
    if (this.tokenizer === undefined) return false;
    try {
      checkpointContents(this.model);
      return true;
    } catch (error) {
      if (error instanceof CheckpointError) return false;
      throw error;
    }
  }

  saveModel(folder: string): Promise<void> {
    const { tuning, origin } = this.#parts;
    return tuning.save({
      model: this.model,
      folder,
      origin: origin ?? originOf(this.tokenizer, folder),
      ...filesOf(this.tokenizer),
      extra: this.objective.parameters(),
    });
  }

  dispose(): void {
    this.model.dispose();
    for (const variable of this.objective.parameters().values()) variable.dispose();
  }
}

/** The sequences that a session learns from. @throws RecipeError when its task is of something else */
export function sequencesOf({ work }: { readonly work: Workload }): SequenceWork {
  if (work instanceof SequenceWork) return work;
  throw new RecipeError(`${work.task.name} is no task of sequences.`);
}

/** What of the model a recipe trains. */
function tuningOf({ lora, model }: Recipe, seed: number): ModelTuning {
  if (lora === undefined) return fullWeights;
  return new LoraTuning(lora, model['from'] as string, new HostRandom(seed, STREAM.adapters));
}

/** What a model made from nothing has to keep: the files of its tokenizer, and which tokens begin and end a text. */
function originOf(tokenizer: TextTokenizer | undefined, target: string): PretrainedOrigin | undefined {
  if (tokenizer === undefined) return undefined;
  const { beginToken, endToken, name } = tokenizer;
  const ids = [
    ['bos_token_id', beginToken],
    ['eos_token_id', endToken],
  ].filter(([, id]) => id !== undefined);
  // One that was trained lies in no folder to copy files from.
  const folder = tokenizer instanceof TrainedTokenizer ? target : name;
  return { folder, config: Object.fromEntries(ids) as Record<string, number>, dtypes: new Map() };
}

/** The files of a tokenizer that was trained for the task. */
function filesOf(tokenizer: TextTokenizer | undefined): {
  readonly files?: Readonly<Record<string, object>>;
} {
  if (!(tokenizer instanceof TrainedTokenizer)) return {};
  const { files } = tokenizer;
  return {
    files: { 'tokenizer.json': files.tokenizer as object, 'tokenizer_config.json': files.config as object },
  };
}
