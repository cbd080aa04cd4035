import { type FloatStorage, layOutSafetensors, narrowFloats } from '@foretoken/nn';
import type { Variable } from '@foretoken/tensor';
import type { HubFields } from '../checkpoint/family.js';
import type { Lora } from './lora.js';
import { writePeftConfig } from './peft-config.js';

export interface SaveAdaptersOptions {
  /** Default f32, which loses nothing. `f16` and `bf16` round to nearest, ties to even. */
  readonly dtype?: 'f32' | 'f16' | 'bf16';
  /** The model that the adapters are of, a name of the hub or a path. Default what the file said that they came from. */
  readonly baseModel?: string;
}

/** Adapters as PEFT stores them. */
export interface AdapterContents {
  /** For `adapter_config.json`. */
  readonly config: HubFields;
  /** The bytes of `adapter_model.safetensors`. */
  readonly weights: Uint8Array;
}

const STORAGE: Readonly<Record<NonNullable<SaveAdaptersOptions['dtype']>, FloatStorage>> = {
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
};

/** The bytes of a safetensors file of variables. */
export async function variablesFile(
  variables: ReadonlyMap<string, Variable>,
  dtype: FloatStorage,
): Promise<Uint8Array> {
  const described = new Map([...variables].map(([name, { shape }]) => [name, { dtype, shape }]));
  // Readers of other languages look for the format.
  const { header, entries, fileBytes } = layOutSafetensors(described, { format: 'pt' });
  const file = new Uint8Array(fileBytes);
  file.set(header);
  for (const [name, { start }] of entries) {
    const values = (await (variables.get(name) as Variable).data()) as Float32Array;
    file.set(narrowFloats(dtype, values), header.length + start);
  }
  return file;
}

/** What PEFT's two files hold for adapters; the same adapters give the same bytes. */
export async function adapterContents(
  lora: Lora,
  { dtype = 'f32', baseModel = lora.baseModel }: SaveAdaptersOptions = {},
): Promise<AdapterContents> {
  return {
    config: writePeftConfig(lora, baseModel),
    weights: await variablesFile(lora.parameters(), STORAGE[dtype]),
  };
}
