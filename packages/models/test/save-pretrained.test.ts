import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensors, readSafetensorsHeader } from '@foretoken/nn';
import { HostRandom } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { attentionOnlyConfig, gpt2Config, llamaConfig, Transformer } from '../src/index.js';
import { loadPretrained, openCheckpointFolder, savePretrained } from '../src/node/index.js';
import { useDevice } from './support/device.js';
import { copyFixture, fixtureFolder, readJson, useFolders } from './support/folders.js';

const gpu = useDevice();
const newFolder = useFolders();

/** The bytes of every tensor of a folder, by name. */
async function storedBytes(folder: string): Promise<Map<string, string>> {
  const source = await openCheckpointFolder(folder);
  const found = new Map<string, string>();
  for (const [name, tensor] of source.tensors) {
    const width = tensor.dtype === 'F32' ? 4 : 2;
    const bytes = new Uint8Array(tensor.shape.reduce((product, size) => product * size, width));
    await tensor.read(bytes, 0);
    found.set(name, `${tensor.dtype} ${tensor.shape.join('x')} ${Buffer.from(bytes).toString('base64')}`);
  }
  await source.close();
  return found;
}

const checkpoints = ['llama3', 'llama-linear', 'mistral', 'qwen2', 'gemma', 'gemma2', 'gpt2'];

describe.each(checkpoints)('%s, saved again', (name) => {
  it('holds the same bits, under the full names, and the same config', async () => {
    const target = newFolder();
    const first = await loadPretrained(gpu.device, fixtureFolder(name));
    await savePretrained(first.model, target, { origin: first.origin, dtype: 'asRead' });
    const before = await storedBytes(fixtureFolder(name));
    const after = await storedBytes(target);
    for (const [tensor, bytes] of after) {
      expect(before.get(tensor) ?? before.get(tensor.replace('transformer.', '')), tensor).toBe(bytes);
    }
    const dropped = [...before.keys()].filter((tensor) => !after.has(tensor));
    expect(dropped.every((tensor) => name === 'gpt2' || tensor.endsWith('inv_freq'))).toBe(true);
    const second = await loadPretrained(gpu.device, target);
    expect(second.config).toEqual(first.config);
    expect(await second.model.stateDict()).toEqual(await first.model.stateDict());
    // All that the file said stays, bos_token_id and the like too.
    expect(readJson(join(target, 'config.json'))).toMatchObject(
      readJson(join(fixtureFolder(name), 'config.json')),
    );
    first.model.dispose();
    second.model.dispose();
  });

  it('is described by a config.json of its own, where it has no origin', async () => {
    const target = newFolder();
    const first = await loadPretrained(gpu.device, fixtureFolder(name));
    const family = first.origin.config['model_type'] as string;
    await savePretrained(first.model, target, { family });
    const second = await loadPretrained(gpu.device, target);
    expect(second.config).toEqual(first.config);
    expect(readJson(join(target, 'config.json'))).toMatchObject({
      model_type: family,
      torch_dtype: 'float32',
    });
    first.model.dispose();
    second.model.dispose();
  });
});

describe('savePretrained', () => {
  const small = { vocabularySize: 11, width: 8, layers: 2, heads: 2, maxPositions: 8, mlpWidth: 12 };

  it('writes models that were made here, each as the family that can express it', async () => {
    const [asLlama, asGpt2] = [newFolder(), newFolder()];
    for (const [config, folder, family] of [
      [llamaConfig(small), asLlama, 'llama'],
      [gpt2Config(small), asGpt2, 'gpt2'],
    ] as const) {
      const model = new Transformer(gpu.device, config, new HostRandom(3));
      await savePretrained(model, folder);
      expect(readJson(join(folder, 'config.json'))['model_type']).toBe(family);
      const { model: again } = await loadPretrained(gpu.device, folder);
      expect(await again.stateDict()).toEqual(await model.stateDict());
      model.dispose();
      again.dispose();
    }
  });

  it('rounds to bf16 and f16, and says so in config.json', async () => {
    const { model, origin } = await loadPretrained(gpu.device, fixtureFolder('llama3'));
    for (const [dtype, stored, torch] of [
      ['bf16', 'BF16', 'bfloat16'],
      ['f16', 'F16', 'float16'],
    ] as const) {
      const target = newFolder();
      await savePretrained(model, target, { origin, dtype });
      const file = new Uint8Array(readFileSync(join(target, 'model.safetensors')));
      const header = readSafetensorsHeader(file);
      expect(new Set([...header.entries.values()].map((entry) => entry.dtype))).toEqual(new Set([stored]));
      expect(header.metadata).toEqual({ format: 'pt' });
      expect(readJson(join(target, 'config.json'))['torch_dtype']).toBe(torch);
      const exact = (await model.stateDict()).get('finalNorm.weight')?.data as Float32Array;
      const rounded = readSafetensors(file).tensors.get('model.norm.weight')?.data as Float32Array;
      for (const [at, value] of exact.entries()) expect(rounded[at]).toBeCloseTo(value, 2);
    }
    model.dispose();
  });

  it('cuts shards, whose index names them all; a later save leaves none of them behind', async () => {
    const target = newFolder();
    const { model, origin } = await loadPretrained(gpu.device, fixtureFolder('mistral'));
    await savePretrained(model, target, { maxShardBytes: 6000 });
    const files = readdirSync(target).filter((file) => file.endsWith('.safetensors'));
    expect(files.length).toBeGreaterThan(2);
    expect(files[0]).toBe(`model-00001-of-0000${files.length}.safetensors`);
    const index = readJson(join(target, 'model.safetensors.index.json')) as {
      metadata: { total_size: number };
      weight_map: Record<string, string>;
    };
    expect(new Set(Object.values(index.weight_map))).toEqual(new Set(files));
    expect(index.metadata.total_size).toBe(4 * model.parameterCount());
    expect(await storedBytes(target)).toEqual(await storedBytes(fixtureFolder('mistral')));
    await savePretrained(model, target, { origin });
    expect(readdirSync(target).sort()).toEqual(['config.json', 'model.safetensors']);
    model.dispose();
  });

  it('copies the files of the tokenizer', async () => {
    const [source, target] = [copyFixture('llama3', newFolder()), newFolder()];
    writeFileSync(join(source, 'tokenizer.json'), '{"tokens":1}');
    writeFileSync(join(source, 'notes.txt'), 'mine');
    const { model, origin } = await loadPretrained(gpu.device, source);
    await savePretrained(model, target, { origin });
    expect(readFileSync(join(target, 'tokenizer.json'), 'utf8')).toBe('{"tokens":1}');
    expect(readdirSync(target).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
    model.dispose();
  });

  it('leaves nothing behind where it fails half-way', async () => {
    const target = join(newFolder(), 'new');
    const { model } = await loadPretrained(gpu.device, fixtureFolder('llama3'));
    model.finalNorm.dispose();
    await expect(savePretrained(model, target)).rejects.toThrow('was used after it had been freed');
    expect(existsSync(target)).toBe(false);
    model.dispose();
  });

  it('names what no family can express', async () => {
    const target = join(newFolder(), 'new');
    const config = attentionOnlyConfig({ vocabularySize: 5, width: 8, heads: 2, layers: 1 });
    const model = new Transformer(gpu.device, config, new HostRandom(0));
    await expect(savePretrained(model, target)).rejects.toThrow(
      /any family .*cannot express this model: .*mlp "none"/,
    );
    await expect(savePretrained(model, target, { family: 'bert' })).rejects.toThrow(
      'no family is called "bert"; known are llama, mistral, qwen2, gemma, gemma2, gpt2.',
    );
    await expect(savePretrained(model, target, { maxShardBytes: 0 })).rejects.toThrow('maxShardBytes');
    expect(existsSync(target)).toBe(false);
    model.dispose();
  });

  it('says in one line where it may not write', async () => {
    const file = join(newFolder(), 'file');
    writeFileSync(file, '');
    const model = new Transformer(gpu.device, llamaConfig(small), new HostRandom(0));
    await expect(savePretrained(model, file)).rejects.toThrow(`cannot write ${file}: a file is in the way.`);
    model.dispose();
  });

  it('needs an origin to store weights as they were read', async () => {
    const model = new Transformer(gpu.device, llamaConfig(small), new HostRandom(0));
    await expect(savePretrained(model, newFolder(), { dtype: 'asRead' })).rejects.toThrow('needs the origin');
    model.dispose();
  });
});
