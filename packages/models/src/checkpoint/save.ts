import { type FloatStorage, isFloatStorage, narrowFloats } from '@foretoken/nn';
import type { Shape, Variable } from '@foretoken/tensor';
import type { Transformer } from '../transformer.js';
import { ImageClassifier } from '../vision/classifier.js';
import { CheckpointError } from './errors.js';
import type { HubFields } from './family.js';
import { expressingFamily, writeHubConfig } from './hub-config.js';
import { imageClassifiers } from './image-classifiers.js';
import type { CheckpointOrigin } from './load.js';
import type { ModelKind, StoredModel } from './model-kind.js';
import { type Part, partSize } from './name-map.js';
import { transformers } from './transformers.js';

/** How weights are stored: all alike, or each as it was read. */
export type SavedDType = 'f32' | 'f16' | 'bf16' | 'asRead';

export interface SaveCheckpointOptions {
  /** Default f32, which loses nothing. `f16` and `bf16` round to nearest, ties to even. */
  readonly dtype?: SavedDType;
  /** `model_type` to write: default that of the origin, else the first family that can express the model. */
  readonly family?: string;
  /** What loading the model gave: keeps further fields of its config.json, and the dtypes for `asRead`. */
  readonly origin?: CheckpointOrigin;
}

/** A tensor that will be written. */
export interface SavedTensor {
  readonly dtype: FloatStorage;
  readonly shape: Shape;
}

/** A checkpoint as it will be written. */
export interface CheckpointContents {
  /** For `config.json`. */
  readonly config: HubFields;
  /** All tensors, in the order of the layers. */
  readonly tensors: ReadonlyMap<string, SavedTensor>;
  /** The data of each tensor, in the same order. One parameter at a time is read back from the GPU. */
  read(): AsyncGenerator<readonly [name: string, data: Uint8Array], void>;
}

const STORAGE: Readonly<Record<Exclude<SavedDType, 'asRead'>, FloatStorage>> = {
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
};

/** What config.json calls them. */
const TORCH_NAMES: Readonly<Record<FloatStorage, string>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
};

function storageOf(dtype: SavedDType, origin: CheckpointOrigin | undefined): (name: string) => FloatStorage {
  if (dtype !== 'asRead') return () => STORAGE[dtype];
  if (origin === undefined)
    throw new CheckpointError("saving with dtype 'asRead' needs the origin that loading the model gave.");
  return (name) => {
    const read = origin.dtypes.get(name);
    return read !== undefined && isFloatStorage(read) ? read : 'F32';
  };
}

/** The field that says in which dtype the weights are, under the name that the file has for it (`dtype` since 5.0). */
function dtypeField(loaded: HubFields, storages: ReadonlySet<FloatStorage>): HubFields {
  const [only, ...others] = storages;
  if (only === undefined || others.length > 0) return {};
  return { [loaded['dtype'] === undefined ? 'torch_dtype' : 'dtype']: TORCH_NAMES[only] };
}

/** Values `[rows, columns]` of a parameter as `[columns, rows]` of the file. */
function toFile(values: Float32Array, { shape, transposed }: Part): Float32Array {
  if (!transposed) return values;
  const [inWidth, outWidth] = shape as readonly [number, number];
  const turned = new Float32Array(values.length);
  for (let row = 0; row < outWidth; row++) {
    for (let column = 0; column < inWidth; column++) {
      turned[column * outWidth + row] = values[row * inWidth + column] as number;
    }
  }
  return turned;
}

/** Models that checkpoints hold. */
export type SavableModel = Transformer | ImageClassifier;

/**
 * What a checkpoint of a model holds, in the layout of Hugging Face.
 *
 * @throws CheckpointError naming what the family cannot express
 */
export const checkpointContents = (
  model: SavableModel,
  options: SaveCheckpointOptions = {},
): CheckpointContents =>
  model instanceof ImageClassifier
    ? contentsOf(imageClassifiers, model, options)
    : contentsOf(transformers, model, options);

function contentsOf<Config, Input, Model extends StoredModel>(
  kind: ModelKind<Config, Input, Model>,
  model: Model,
  { dtype = 'f32', family: wanted, origin }: SaveCheckpointOptions,
): CheckpointContents {
  const config = kind.configOf(model);
  const loaded = origin?.config ?? {};
  const own = loaded['model_type'];
  const family = expressingFamily(kind, config, wanted ?? (typeof own === 'string' ? own : undefined));
  const map = family.nameMap(config);
  const storage = storageOf(dtype, origin);
  const tensors = new Map(
    [...map.values()].flat().map(({ name, shape }) => [name, { dtype: storage(name), shape }]),
  );
  const storages = new Set([...tensors.values()].map((tensor) => tensor.dtype));
  return {
    config: { ...writeHubConfig(kind, family, config, loaded), ...dtypeField(loaded, storages) },
    tensors,
    async *read() {
      const parameters = model.parameters();
      for (const [parameter, parts] of map) {
        const values = (await (parameters.get(parameter) as Variable).data()) as Float32Array;
        let start = 0;
        for (const part of parts) {
          const end = start + partSize(part);
          const data = narrowFloats(storage(part.name), toFile(values.subarray(start, end), part));
          yield [part.name, data];
          start = end;
        }
      }
    },
  };
}
