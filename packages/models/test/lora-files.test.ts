import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensors, readSafetensorsHeader, writeSafetensors } from '@foretoken/nn';
import { HostRandom } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { addLora, loadAdapters } from '../src/index.js';
import { loadLora, loadPretrained, saveLora } from '../src/node/index.js';
import { useDevice } from './support/device.js';
import { adapterFolder, fixtureFolder, readJson, useFolders } from './support/folders.js';
import { createModel, smallConfigs } from './support/models.js';

const gpu = useDevice();
const newFolder = useFolders();

const bytesOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString('latin1')]),
  );

describe.each(['llama3', 'qwen2', 'gemma2', 'gpt2'])(
  '%s, an adapter in the layout of PEFT, saved again',
  (name) => {
    it('has the same tensors, and the config that PEFT wrote', async () => {
      const target = newFolder();
      const { model } = await loadPretrained(gpu.device, fixtureFolder(name));
      const dtype = name === 'gemma2' ? 'bf16' : 'f32';
      await saveLora(await loadLora(model, adapterFolder(name)), target, { dtype });
      const file = (folder: string) =>
        new Uint8Array(readFileSync(join(folder, 'adapter_model.safetensors')));
      const before = readSafetensors(file(adapterFolder(name))).tensors;
      const { tensors: after, metadata } = readSafetensors(file(target));
      expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
      for (const [tensor, value] of after) expect(value, tensor).toEqual(before.get(tensor));
      expect(metadata).toEqual({ format: 'pt' });
      const written = readJson(join(target, 'adapter_config.json'));
      // Fields of other kinds of adapters, which newer versions have, are left out.
      expect(readJson(join(adapterFolder(name), 'adapter_config.json'))).toMatchObject(written);
      expect(Object.keys(written)).toEqual(Object.keys(written).sort());
      model.dispose();
    });

    it('loads and saves to identical bytes', async () => {
      const [first, second] = [newFolder(), newFolder()];
      const { model } = await loadPretrained(gpu.device, fixtureFolder(name));
      const lora = await loadLora(model, adapterFolder(name));
      await saveLora(lora, first);
      lora.unload();
      await saveLora(await loadLora(model, first), second);
      expect(bytesOf(second)).toEqual(bytesOf(first));
      expect(readdirSync(first).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
      model.dispose();
    });
  },
);

describe('saveLora', () => {
  it('writes names, shapes and fields as PEFT has them, all linear layers by name', async () => {
    const folder = newFolder();
    const model = createModel(gpu.device, smallConfigs.gpt2);
    const lora = addLora(model, { rank: 2, alpha: 4, targets: 'all-linear' }, new HostRandom(1));
    await saveLora(lora, folder, { baseModel: 'openai-community/gpt2' });
    expect(readJson(join(folder, 'adapter_config.json'))).toEqual({
      alpha_pattern: {},
      auto_mapping: null,
      base_model_name_or_path: 'openai-community/gpt2',
      bias: 'none',
      fan_in_fan_out: true,
      inference_mode: true,
      init_lora_weights: true,
      layer_replication: null,
      layers_pattern: null,
      layers_to_transform: null,
      loftq_config: {},
      lora_alpha: 4,
      lora_dropout: 0,
      megatron_config: null,
      megatron_core: 'megatron.core',
      modules_to_save: null,
      peft_type: 'LORA',
      r: 2,
      rank_pattern: {},
      revision: null,
      target_modules: ['c_attn', 'c_proj', 'c_fc'],
      task_type: 'CAUSAL_LM',
      use_dora: false,
      use_rslora: false,
    });
    const { entries } = readSafetensorsHeader(readFileSync(join(folder, 'adapter_model.safetensors')));
    expect(Object.fromEntries([...entries].slice(0, 4).map(([name, { shape }]) => [name, shape]))).toEqual({
      'base_model.model.transformer.h.0.attn.c_attn.lora_A.weight': [2, 16],
      'base_model.model.transformer.h.0.attn.c_attn.lora_B.weight': [48, 2],
      'base_model.model.transformer.h.0.attn.c_proj.lora_A.weight': [2, 16],
      'base_model.model.transformer.h.0.attn.c_proj.lora_B.weight': [16, 2],
    });
    model.dispose();
  });

  it('keeps what an objective trained beside the adapter, and removes what an earlier save left', async () => {
    const folder = newFolder();
    const model = createModel(gpu.device, smallConfigs.llama);
    const lora = addLora(model, { rank: 2, alpha: 4, targets: ['q_proj'] }, new HostRandom(1));
    const register = gpu.device.variable(Float32Array.of(1, 2, 3), { shape: [1, 3], name: 'register' });
    const objective = new Map([['registers.weight', register]]);
    await saveLora(lora, folder, { objective });
    register.load(new Float32Array(3));
    lora.unload();
    const again = await loadLora(model, folder, { objective });
    expect(await register.toArray()).toEqual([[1, 2, 3]]);
    await expect(loadLora(model, folder, { objective })).rejects.toThrow('has adapters already');
    await saveLora(again, folder, { objective: new Map() });
    expect(existsSync(join(folder, 'objective.safetensors'))).toBe(false);
    again.unload();
    await expect(loadLora(model, folder, { objective })).rejects.toThrow(
      `${folder} has no objective.safetensors.`,
    );
    await expect(saveLora(again, folder)).rejects.toThrow('were taken off the model; save them before');
    register.dispose();
    model.dispose();
  });

  it('leaves a folder as it was where it cannot write', async () => {
    const folder = newFolder();
    const model = createModel(gpu.device, smallConfigs.llama);
    const lora = addLora(model, { rank: 2, alpha: 4, targets: ['q_proj'] }, new HostRandom(1));
    const path = join(folder, 'file');
    writeFileSync(path, '');
    await expect(saveLora(lora, join(path, 'adapter'))).rejects.toThrow('cannot write');
    // A folder in the way of the last file.
    mkdirSync(join(folder, 'adapter', 'adapter_config.json', 'x'), { recursive: true });
    await expect(saveLora(lora, join(folder, 'adapter'))).rejects.toThrow('cannot write');
    expect(readdirSync(join(folder, 'adapter')).filter((name) => name.startsWith('.'))).toEqual([]);
    model.dispose();
  });
});

describe('loadLora', () => {
  /** A copy of the adapter of llama3, with fields of its config replaced. */
  function copyAdapter(fields: Record<string, unknown>): string {
    const folder = newFolder();
    cpSync(adapterFolder('llama3'), folder, { recursive: true });
    const path = join(folder, 'adapter_config.json');
    writeFileSync(path, JSON.stringify({ ...readJson(path), ...fields }));
    return folder;
  }

  const loadInto = async (checkpoint: string, folder: string) => {
    const { model } = await loadPretrained(gpu.device, fixtureFolder(checkpoint));
    try {
      return await loadLora(model, folder);
    } finally {
      // What was refused changed nothing.
      if ([...model.parameters().keys()].every((name) => !name.includes('adapters')))
        expect([...model.parameters().values()].every(({ trainable }) => trainable)).toBe(true);
      model.dispose();
    }
  };

  it.each<[Record<string, unknown>, string]>([
    [{ peft_type: 'LOHA' }, 'adapter_config.json: peft_type: only LORA adapters are known.'],
    [{ use_dora: true, bias: 'all' }, 'bias "all" is not supported. use_dora true is not supported.'],
    [{ modules_to_save: ['lm_head'] }, 'modules_to_save ["lm_head"] is not supported.'],
    [{ lora_bias: true }, 'lora_bias true is not supported.'],
    [{ init_lora_weights: 'pissa' }, 'init_lora_weights "pissa" is not supported.'],
    [{ layer_replication: [[0, 2]] }, 'layer_replication [[0,2]] is not supported.'],
    [{ trainable_token_indices: [1] }, 'trainable_token_indices [1] is not supported.'],
    [{ task_type: 'SEQ_CLS' }, 'task_type "SEQ_CLS" is not supported.'],
    [{ something_new: 3 }, 'something_new 3 is not supported.'],
    [{ r: 'four', target_modules: null }, 'r: Invalid input'],
    [{ target_modules: ['query'] }, 'target "query" matches no linear layer.'],
    [
      { target_modules: ['q_proj', 'k_proj', 'v_proj'] },
      'missing: base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight, base_model.model.model.layers.0.self_attn.k_proj.lora_B.weight.',
    ],
    [{ target_modules: ['q_proj'] }, 'extra: base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight'],
    [{ r: 2 }, 'q_proj.lora_A.weight is [4, 32], expected [2, 32]'],
  ])('refuses %j', async (fields, message) => {
    await expect(loadInto('llama3', copyAdapter(fields))).rejects.toThrow(message);
  });

  it('passes over targets that mean nothing here, as long as one means something', async () => {
    const folder = copyAdapter({ target_modules: ['query', 'q_proj', 'v_proj'], fan_in_fan_out: true });
    expect((await loadInto('llama3', folder)).config.targets).toContain('query');
  });

  it('lists all tensors of an adapter of another model in one message', async () => {
    const refused = loadInto('mistral', adapterFolder('llama3'));
    await expect(refused).rejects.toThrow(
      /the adapter does not fit the model, or its own config\. missing: .*layers\.1.* wrong shape: .*q_proj.lora_A.weight is \[4, 32\], expected \[4, 16\]/,
    );
  });

  it('names files that are missing or broken', async () => {
    const folder = copyAdapter({});
    const weights = join(folder, 'adapter_model.safetensors');
    const bytes = readFileSync(weights);
    writeFileSync(weights, bytes.subarray(0, 100));
    await expect(loadInto('llama3', folder)).rejects.toThrow(weights);
    rmSync(weights);
    writeFileSync(join(folder, 'adapter_model.bin'), '');
    await expect(loadInto('llama3', folder)).rejects.toThrow(
      'has no adapter_model.safetensors. It has adapter_model.bin;',
    );
    writeFileSync(weights, bytes);
    writeFileSync(join(folder, 'adapter_config.json'), '{');
    await expect(loadInto('llama3', folder)).rejects.toThrow('adapter_config.json: is not valid JSON');
  });

  it('refuses tensors that are no floats', async () => {
    const folder = copyAdapter({});
    const weights = join(folder, 'adapter_model.safetensors');
    const { tensors } = readSafetensors(new Uint8Array(readFileSync(weights)));
    const [name, { shape }] = [...tensors][0] as [string, { shape: readonly number[] }];
    tensors.set(name, { data: new Int32Array(shape.reduce((a, b) => a * b, 1)), shape, dtype: 'i32' });
    writeFileSync(weights, writeSafetensors(tensors));
    await expect(loadInto('llama3', folder)).rejects.toThrow(`${name} is I32, expected F32, F16 or BF16`);
  });

  it('takes the adapters off again where reading breaks off', async () => {
    const { model } = await loadPretrained(gpu.device, fixtureFolder('llama3'));
    const config = readJson(join(adapterFolder('llama3'), 'adapter_config.json'));
    const { entries } = readSafetensorsHeader(
      readFileSync(join(adapterFolder('llama3'), 'adapter_model.safetensors')),
    );
    const read = () => Promise.reject(new Error('broke off'));
    const tensors = new Map([...entries].map(([name, { dtype, shape }]) => [name, { dtype, shape, read }]));
    await expect(loadAdapters(model, { label: 'memory', config, tensors })).rejects.toThrow('broke off');
    expect(
      [...model.parameters()].filter(([name, { trainable }]) => !trainable || name.includes('adapters')),
    ).toEqual([]);
    model.dispose();
  });
});

describe('patterns that never end', () => {
  const endless = '(([a-z_.]+)+[0-9]*)+!';

  it.each([
    { targets: endless },
    { targets: 'all-linear', exclude: endless },
    { targets: ['q_proj', 'k_proj'], rankPattern: { [endless]: 2 } },
    { targets: ['q_proj', 'k_proj'], alphaPattern: { [endless]: 2 } },
  ])('%j are stopped', (patterns) => {
    const model = createModel(gpu.device, smallConfigs.llama);
    const start = performance.now();
    expect(() => addLora(model, { rank: 1, alpha: 1, ...patterns }, new HostRandom(1))).toThrow(
      /^LoRA config: finding the layers .*: not finished after 1 s; it was stopped\.$/,
    );
    expect(performance.now() - start).toBeLessThan(10_000);
    model.dispose();
  });
});
