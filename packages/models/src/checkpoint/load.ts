import { FLOAT_BYTES, type FloatStorage, type SafetensorsDType, widenFloats } from '@foretoken/nn';
import { type Device, sizeOf, type Variable } from '@foretoken/tensor';
import type { TransformerConfig } from '../config.js';
import type { Transformer } from '../transformer.js';
import type { HubFields } from './family.js';
import { checkFinite } from './finite.js';
import { checkFit, type FullNames, withPrefix } from './fit.js';
import { type ConfigSettings, type FoundConfig, familyOf, readHubConfig } from './hub-config.js';
import type { StoredModel } from './model-kind.js';
import { type NameMap, type Part, partSize } from './name-map.js';
import type { CheckpointSource, StoredTensor } from './source.js';
import { transformers } from './transformers.js';

/** Where a model came from: what saving it again keeps. */
export interface CheckpointOrigin {
  /** What config.json held. */
  readonly config: HubFields;
  /** How each tensor was stored, by the names in a checkpoint with an output. */
  readonly dtypes: ReadonlyMap<string, SafetensorsDType>;
}

/** How far the weights of a checkpoint have been loaded. */
export interface LoadProgress {
  /** The tensor that was read last, by its name in the file. */
  readonly tensor: string;
  readonly loadedBytes: number;
  /** Of all tensors that are loaded. */
  readonly totalBytes: number;
}

export interface ProgressOptions {
  /** Called whenever more of the weights has been read, about every MiB. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
}

export interface LoadCheckpointOptions extends ConfigSettings, ProgressOptions {}

/** A model with the weights of a checkpoint. */
export interface LoadedCheckpoint {
  readonly model: Transformer;
  readonly config: TransformerConfig;
  readonly origin: CheckpointOrigin;
}

/** Values that are read, widened and uploaded at a time. */
const CHUNK = 2 ** 18;

/** Uploads that may wait in the queue, each with a copy of its values. */
const CHUNKS_IN_FLIGHT = 8;

/** Puts values into parameters in chunks, and waits often enough that few copies of them are in memory. */
class Uploader {
  #waiting = 0;

  constructor(readonly device: Device) {}

  async put(variable: Variable, values: Float32Array, start: number): Promise<void> {
    for (let at = 0; at < values.length; at += CHUNK) {
      variable.loadPart(values.subarray(at, at + CHUNK), start + at);
      if (++this.#waiting >= CHUNKS_IN_FLIGHT) await this.finish();
    }
  }

  async finish(): Promise<void> {
    await this.device.sync();
    this.#waiting = 0;
  }
}

/** What a checkpoint is called, and who hears how far it is. */
interface Loading extends ProgressOptions {
  readonly label: string;
  readonly totalBytes: number;
}

/** Reads tensors a chunk at a time, always into the same memory. */
class ChunkReader {
  #loadedBytes = 0;
  readonly #loading: Loading;
  readonly #bytes = new Uint8Array(CHUNK * FLOAT_BYTES.F32);
  readonly #widened = new Float32Array(CHUNK);

  constructor(loading: Loading) {
    this.#loading = loading;
  }

  /**
   * Values of a tensor and where they start in it. They change with the next chunk.
   *
   * @throws CheckpointError where one is NaN or infinite: the model would give nothing but NaN
   */
  async *chunks(
    name: string,
    tensor: StoredTensor,
  ): AsyncGenerator<readonly [values: Float32Array, at: number], void> {
    const storage = tensor.dtype as FloatStorage;
    const width = FLOAT_BYTES[storage];
    const size = sizeOf(tensor.shape);
    for (let at = 0; at < size; at += CHUNK) {
      const bytes = this.#bytes.subarray(0, Math.min(CHUNK, size - at) * width);
      await tensor.read(bytes, at * width);
      const values = widenFloats(storage, bytes, this.#widened);
      checkFinite(this.#loading.label, name, tensor.shape, values, at);
      yield [values, at];
      this.#loadedBytes += bytes.length;
      const { totalBytes, onProgress } = this.#loading;
      onProgress?.({ tensor: name, loadedBytes: this.#loadedBytes, totalBytes });
    }
  }
}

/** Puts values of a matrix `[rows, columns]`, from place `at` on, where they lie in the matrix `[columns, rows]`. */
function scatterTransposed(
  values: Float32Array,
  at: number,
  [rows, columns]: readonly [number, number],
  turned: Float32Array,
): void {
  for (let index = 0; index < values.length; index++) {
    const place = at + index;
    const row = Math.floor(place / columns);
    turned[(place - row * columns) * rows + row] = values[index] as number;
  }
}

/** Reads a part and puts it at place `start` of a parameter. */
async function loadPart(
  part: Part,
  tensor: StoredTensor,
  reader: ChunkReader,
  { uploader, variable, start }: { uploader: Uploader; variable: Variable; start: number },
): Promise<void> {
  if (!part.transposed) {
    for await (const [values, at] of reader.chunks(part.name, tensor))
      await uploader.put(variable, values, start + at);
    return;
  }
  const turned = new Float32Array(partSize(part));
  for await (const [values, at] of reader.chunks(part.name, tensor))
    scatterTransposed(values, at, part.shape as readonly [number, number], turned);
  await uploader.put(variable, turned, start);
}

const bytesOf = ({ dtype, shape }: StoredTensor): number =>
  sizeOf(shape) * FLOAT_BYTES[dtype as FloatStorage];

async function loadParameters(
  model: StoredModel,
  map: NameMap,
  tensors: FullNames,
  { label, onProgress }: Pick<Loading, 'label' | 'onProgress'>,
): Promise<void> {
  const uploader = new Uploader(model.device);
  const totalBytes = [...map.values()]
    .flat()
    .reduce((sum, { name }) => sum + bytesOf(tensors.get(name) as StoredTensor), 0);
  const reader = new ChunkReader({ label, totalBytes, onProgress });
  for (const [name, variable] of model.parameters()) {
    let start = 0;
    for (const part of map.get(name) ?? []) {
      await loadPart(part, tensors.get(part.name) as StoredTensor, reader, { uploader, variable, start });
      start += partSize(part);
    }
  }
  await uploader.finish();
}

/**
 * Fills a new model of this config with the weights of a checkpoint, widened to f32. Values go from the source to the GPU a
 * chunk at a time, so that the host never holds more than a few of them (and of GPT-2, whose weights lie transposed, one
 * tensor).
 *
 * @param map - the parameters that the checkpoint has
 * @throws CheckpointError in one message, for all tensors that are missing, extra, mis-shaped or of a dtype that is no
 *   float, or for the first value that is not finite
 */
export async function loadModel<Config, Input, Model extends StoredModel>(
  source: CheckpointSource,
  { family, fields }: FoundConfig<Config, Input>,
  map: NameMap,
  isIgnored: (name: string) => boolean,
  create: () => Model,
  onProgress?: ProgressOptions['onProgress'],
): Promise<{ readonly model: Model; readonly origin: CheckpointOrigin }> {
  const tensors = withPrefix(source, family);
  checkFit(source.label, tensors, family.architectures[0], map, isIgnored);
  const model = create();
  try {
    await loadParameters(model, map, tensors, { label: source.label, onProgress });
  } catch (error) {
    model.dispose();
    throw error;
  }
  const dtypes = new Map([...tensors].map(([name, { dtype }]) => [name, dtype]));
  return { model, origin: { config: fields, dtypes } };
}

/**
 * A transformer with the weights of a checkpoint, widened to f32.
 *
 * @throws CheckpointError in one message, for an unknown architecture and for all tensors that are missing, extra,
 *   mis-shaped or of a dtype that is no float, or for the first value that is not finite
 */
export async function loadCheckpoint(
  device: Device,
  source: CheckpointSource,
  options: LoadCheckpointOptions = {},
): Promise<LoadedCheckpoint> {
  const found = familyOf(transformers.families, source.label, source.config);
  const config = readHubConfig(source.label, found, options);
  const { model, origin } = await loadModel(
    source,
    found,
    found.family.nameMap(config),
    (name) => found.family.ignores(name, config),
    () => transformers.create(device, config),
    options.onProgress,
  );
  return { model, config: model.config, origin };
}
