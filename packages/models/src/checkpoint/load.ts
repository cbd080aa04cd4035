import { FLOAT_BYTES, type FloatStorage, type SafetensorsDType, widenFloats } from '@foretoken/nn';
import type { Device, Variable } from '@foretoken/tensor';
import type { TransformerConfig } from '../config.js';
import { Transformer } from '../transformer.js';
import { CheckpointError } from './errors.js';
import type { HubFields } from './family.js';
import { checkFit, type FullNames, withPrefix } from './fit.js';
import { familyOf, readHubConfig, type TrainingSettings } from './hub-config.js';
import { nameMap, type Part, partSize } from './name-map.js';
import type { CheckpointSource, StoredTensor } from './source.js';

/** Where a model came from: what saving it again keeps. */
export interface CheckpointOrigin {
  /** What config.json held. */
  readonly config: HubFields;
  /** How each tensor was stored, by the names in a checkpoint with an output. */
  readonly dtypes: ReadonlyMap<string, SafetensorsDType>;
}

export interface LoadCheckpointOptions {
  /** What config.json does not say, as in `TransformerConfig`. */
  readonly training?: TrainingSettings;
}

/** A model with the weights of a checkpoint. */
export interface LoadedCheckpoint {
  readonly model: Transformer;
  readonly config: TransformerConfig;
  readonly origin: CheckpointOrigin;
}

/** Values that are read, widened and uploaded at a time. */
const CHUNK = 2 ** 20;

/** Uploads that may wait in the queue, each with a copy of its values. */
const CHUNKS_IN_FLIGHT = 4;

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

/** Values `[rows, columns]` as `[columns, rows]`. */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = values[row * columns + column] as number;
    }
  }
  return turned;
}

/** The values of elements `from` to `to` of a tensor. */
async function readValues(
  label: string,
  { name }: Part,
  tensor: StoredTensor,
  from: number,
  to: number,
): Promise<Float32Array> {
  const dtype = tensor.dtype as FloatStorage;
  const width = FLOAT_BYTES[dtype];
  const bytes = await tensor.read(from * width, to * width);
  if (bytes.byteLength !== (to - from) * width) {
    throw new CheckpointError(
      `${label}: tensor ${JSON.stringify(name)} ended early: ${bytes.byteLength} bytes of ${(to - from) * width}. The file has changed since it was opened.`,
    );
  }
  return widenFloats(dtype, bytes);
}

/** Reads a part and puts it at place `start` of a parameter. */
async function loadPart(
  label: string,
  part: Part,
  tensor: StoredTensor,
  { uploader, variable, start }: { uploader: Uploader; variable: Variable; start: number },
): Promise<void> {
  const size = partSize(part);
  if (part.transposed) {
    const values = await readValues(label, part, tensor, 0, size);
    const [rows, columns] = part.shape as readonly [number, number];
    await uploader.put(variable, transpose(values, rows, columns), start);
    return;
  }
  for (let at = 0; at < size; at += CHUNK) {
    const values = await readValues(label, part, tensor, at, Math.min(at + CHUNK, size));
    await uploader.put(variable, values, start + at);
  }
}

async function loadParameters(
  label: string,
  model: Transformer,
  map: ReadonlyMap<string, readonly Part[]>,
  tensors: FullNames,
): Promise<void> {
  const uploader = new Uploader(model.device);
  for (const [name, variable] of model.parameters()) {
    let start = 0;
    for (const part of map.get(name) ?? []) {
      await loadPart(label, part, tensors.get(part.name) as StoredTensor, { uploader, variable, start });
      start += partSize(part);
    }
  }
  await uploader.finish();
}

/**
 * A transformer with the weights of a checkpoint, widened to f32. Values go from the source to the GPU a chunk at a
 * time, so that the host never holds more than one of them (of GPT-2, whose weights lie transposed, one tensor).
 *
 * @throws CheckpointError in one message, for an unknown architecture and for all tensors that are missing, extra,
 *   mis-shaped or of a dtype that is no float
 */
export async function loadCheckpoint(
  device: Device,
  source: CheckpointSource,
  { training }: LoadCheckpointOptions = {},
): Promise<LoadedCheckpoint> {
  const found = familyOf(source.label, source.config);
  const config = readHubConfig(source.label, found, training);
  const { family, fields } = found;
  const map = nameMap(config, family.names);
  const tensors = withPrefix(source, family);
  checkFit(source.label, tensors, { family, map, tied: config.tiedEmbeddings });
  const model = new Transformer(device, config);
  try {
    await loadParameters(source.label, model, map, tensors);
  } catch (error) {
    model.dispose();
    throw error;
  }
  const dtypes = new Map([...tensors].map(([name, { dtype }]) => [name, dtype]));
  return { model, config: model.config, origin: { config: fields, dtypes } };
}
