import { FLOAT_BYTES, type FloatStorage, widenFloats } from '@foretoken/nn';
import { sizeOf } from '@foretoken/tensor';
import { CheckpointError } from '../checkpoint/errors.js';
import { checkFinite } from '../checkpoint/finite.js';
import { fitProblems } from '../checkpoint/fit.js';
import type { CheckpointSource, StoredTensor } from '../checkpoint/source.js';
import type { Transformer } from '../transformer.js';
import { type AdapterPlan, attachAdapters, type Lora, planAdapters } from './lora.js';
import { readPeftConfig } from './peft-config.js';
import { tensorNames } from './peft-names.js';

/** @throws CheckpointError where a value is NaN or infinite */
async function readValues(
  label: string,
  name: string,
  { dtype, shape, read }: StoredTensor,
): Promise<Float32Array> {
  const storage = dtype as FloatStorage;
  const bytes = new Uint8Array(sizeOf(shape) * FLOAT_BYTES[storage]);
  await read(bytes, 0);
  const values = widenFloats(storage, bytes);
  checkFinite(label, name, shape, values, 0);
  return values;
}

/** @throws CheckpointError listing all tensors that are missing, extra, mis-shaped or no floats */
function checkTensors({ label, tensors }: CheckpointSource, { adapters }: AdapterPlan): void {
  const parts = new Map(
    adapters.flatMap(({ site: { name, linear, start, end }, size: { rank } }) => {
      const { a, b } = tensorNames(name);
      const [inWidth, outWidth] = [linear.weight.shape[1] as number, end - start];
      return [
        [a, { name: a, shape: [rank, inWidth] }],
        [b, { name: b, shape: [outWidth, rank] }],
      ] as const;
    }),
  );
  const problems = fitProblems(tensors, { parts, isIgnored: () => false });
  if (problems.length === 0) return;
  throw new CheckpointError(
    `${label}: the adapter does not fit the model, or its own config. ${problems.join(' ')}`,
  );
}

/**
 * Freezes a model and gives it the adapters that PEFT, or `saveLora`, wrote. Widens them to f32.
 *
 * @param source - whose `config` is what `adapter_config.json` holds, with the tensors of `adapter_model.safetensors`
 * @throws CheckpointError in one message, for what is not supported and for tensors that do not fit: then the model is as
 *   it was; ConfigError when no target means a layer of the model, or it has adapters already
 */
export async function loadAdapters(model: Transformer, source: CheckpointSource): Promise<Lora> {
  const { config, baseModel } = readPeftConfig(source.label, source.config);
  const plan = planAdapters(model, config, 'allowed');
  checkTensors(source, plan);
  const lora = attachAdapters(model, config, plan, { baseModel });
  try {
    for (const [name, variable] of lora.parameters())
      variable.load(await readValues(source.label, name, source.tensors.get(name) as StoredTensor));
  } catch (error) {
    lora.unload();
    throw error;
  }
  return lora;
}
