import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HostTensor, readSafetensors, SafetensorsError, writeSafetensors } from '@foretoken/nn';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../src/index.js';
import { loadPretrained } from '../src/node/index.js';
import { useDevice } from './support/device.js';
import { copyFixture, useFolders } from './support/folders.js';

const gpu = useDevice();
const newFolder = useFolders();

/** The message of a load that fails: one line, of the right class, after which no memory is left behind. */
async function messageOf(folder: string): Promise<string> {
  const before = gpu.device.memory().liveBuffers;
  const error = await loadPretrained(gpu.device, folder).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error instanceof CheckpointError || error instanceof SafetensorsError).toBe(true);
  const { message } = error as Error;
  expect(message).not.toContain('\n');
  expect(gpu.device.memory().liveBuffers).toBe(before);
  return message.replaceAll(folder, 'FOLDER');
}

/** A copy of a fixture after some damage. */
function damaged(name: string, damage: (folder: string) => void): string {
  const folder = copyFixture(name, newFolder());
  damage(folder);
  return folder;
}

const withFields = (name: string, fields: Record<string, unknown>): string =>
  copyFixture(name, newFolder(), fields);

/** Replaces the tensors of `model.safetensors`. */
function withTensors(change: (tensors: Map<string, HostTensor>) => void): string {
  return damaged('llama3', (folder) => {
    const path = join(folder, 'model.safetensors');
    const { tensors } = readSafetensors(new Uint8Array(readFileSync(path)));
    change(tensors);
    writeFileSync(path, writeSafetensors(tensors));
  });
}

/** A safetensors file of a header and `dataBytes` bytes of zeros. */
function fileOf(header: object | string, dataBytes: number): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const file = Buffer.alloc(8 + json.length + dataBytes);
  file.writeBigUInt64LE(BigInt(json.length));
  json.copy(file, 8);
  return file;
}

const withWeights = (contents: Uint8Array): string =>
  damaged('llama3', (folder) => writeFileSync(join(folder, 'model.safetensors'), contents));

const zeros = (...shape: number[]): HostTensor => ({
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
  shape,
  dtype: 'f32',
});

describe('tensors that do not fit are listed, all of them', () => {
  it('missing, extra, mis-shaped and of a wrong dtype in one message', async () => {
    const folder = withTensors((tensors) => {
      tensors.delete('model.norm.weight');
      tensors.delete('model.layers.0.self_attn.k_proj.bias');
      tensors.set('model.layers.7.mlp.up_proj.weight', zeros(2, 2));
      tensors.set('lm_head.weight', zeros(32, 19));
      tensors.set('model.layers.0.mlp.down_proj.bias', {
        data: new Int32Array(32),
        shape: [32],
        dtype: 'i32',
      });
    });
    expect(await messageOf(folder)).toBe(
      'FOLDER: the tensors do not fit LlamaForCausalLM as config.json describes it. ' +
        'missing: model.layers.0.self_attn.k_proj.bias, model.norm.weight. ' +
        'extra: model.layers.7.mlp.up_proj.weight. ' +
        'wrong shape: lm_head.weight is [32, 19], expected [19, 32]. ' +
        'wrong dtype: model.layers.0.mlp.down_proj.bias is I32, expected F32, F16 or BF16.',
    );
  });

  it('the first of very many', async () => {
    const folder = withFields('llama3', { num_hidden_layers: 30 });
    expect(await messageOf(folder)).toMatch(/missing: (model\.layers\.\S+, ){19}\S+ and 444 more\.$/);
  });

  it('a tied output stored a second time is no extra tensor', async () => {
    const folder = withFields('llama3', { tie_word_embeddings: true });
    const { model } = await loadPretrained(gpu.device, folder);
    expect(model.output).toBeUndefined();
    model.dispose();
  });
});

describe('config.json', () => {
  it.each<[string, string, Record<string, unknown>, string]>([
    [
      'an unknown model_type',
      'llama3',
      { model_type: 'falcon' },
      'FOLDER: config.json has model_type "falcon" and architectures ["LlamaForCausalLM"]; known are llama (LlamaForCausalLM), mistral (MistralForCausalLM), qwen2 (Qwen2ForCausalLM), gemma (GemmaForCausalLM), gemma2 (Gemma2ForCausalLM), gpt2 (GPT2LMHeadModel).',
    ],
    [
      'an architecture without an output for tokens',
      'llama3',
      { architectures: ['LlamaForSequenceClassification'] },
      'FOLDER: config.json has architecture "LlamaForSequenceClassification"; of llama, known are LlamaForCausalLM and LlamaModel.',
    ],
    [
      'quantized weights',
      'llama3',
      { quantization_config: { bits: 4 } },
      'FOLDER: config.json has quantization_config: its weights are quantized; use a checkpoint in F32, F16 or BF16.',
    ],
    [
      'a scaling of positions that there is not',
      'llama3',
      { rope_scaling: { rope_type: 'yarn', factor: 4 } },
      'FOLDER: config.json: rope_scaling.rope_type is "yarn"; supported is default, linear or llama3.',
    ],
    [
      'a scaling without its factor',
      'llama3',
      { rope_scaling: { type: 'linear' } },
      'FOLDER: config.json: rope_scaling.factor: Invalid input: expected number, received undefined.',
    ],
    [
      'partial rotary positions',
      'llama3',
      { partial_rotary_factor: 0.5 },
      'FOLDER: config.json: partial_rotary_factor is 0.5; supported is 1.',
    ],
    [
      'an activation that there is not',
      'llama3',
      { hidden_act: 'mish' },
      'FOLDER: config.json: hidden_act is "mish"; supported is gelu, gelu_python, gelu_pytorch_tanh, gelu_new, gelu_fast, gelu_accurate, relu, silu, swish.',
    ],
    [
      'sizes of wrong types',
      'llama3',
      { hidden_size: '32', num_hidden_layers: -1 },
      'FOLDER: config.json: hidden_size: Invalid input: expected number, received string; num_hidden_layers: Too small: expected number to be >0.',
    ],
    [
      'heads that do not divide',
      'llama3',
      { num_key_value_heads: 3 },
      'FOLDER: config.json describes no transformer: keyValueHeads: heads (4) must be a multiple of keyValueHeads (3).',
    ],
    [
      'scores that differ by layer',
      'gpt2',
      { scale_attn_by_inverse_layer_idx: true },
      'FOLDER: config.json: scale_attn_by_inverse_layer_idx is true; supported is false.',
    ],
    [
      'attention to both sides',
      'gemma2',
      { use_bidirectional_attention: true },
      'FOLDER: config.json: use_bidirectional_attention is true; supported is false.',
    ],
    [
      'kinds of layers that there are not',
      'qwen2',
      { layer_types: ['full_attention', 'linear_attention', 'full_attention'] },
      'FOLDER: config.json: layer_types.1: Invalid option: expected one of "full_attention"|"sliding_attention".',
    ],
  ])('%s', async (_, name, fields, expected) => {
    expect(await messageOf(withFields(name, fields))).toBe(expected);
  });

  it.each<[string, string, RegExp]>([
    ['an empty file', '', /config\.json: is empty; expected JSON\.$/],
    ['no JSON', '{"model_type":', /config\.json: is not valid JSON: .*\.$/],
    ['no object', '[]', /config\.json must hold an object\.$/],
  ])('%s', async (_, contents, expected) => {
    const folder = damaged('llama3', (at) => writeFileSync(join(at, 'config.json'), contents));
    expect(await messageOf(folder)).toMatch(expected);
  });
});

describe('files', () => {
  it.each<[string, (folder: string) => void, string]>([
    [
      'no config.json',
      (folder) => rmSync(join(folder, 'config.json')),
      'FOLDER has no config.json; a checkpoint has it beside its weights.',
    ],
    [
      'no weights',
      (folder) => rmSync(join(folder, 'model.safetensors')),
      'FOLDER has neither model.safetensors nor model.safetensors.index.json.',
    ],
    [
      'weights of another kind',
      (folder) => {
        rmSync(join(folder, 'model.safetensors'));
        writeFileSync(join(folder, 'pytorch_model.bin'), 'x');
      },
      'FOLDER has neither model.safetensors nor model.safetensors.index.json. It has pytorch_model.bin; convert that to safetensors first.',
    ],
    [
      'a folder in place of weights',
      (folder) => {
        rmSync(join(folder, 'model.safetensors'));
        mkdirSync(join(folder, 'model.safetensors'));
      },
      'cannot read FOLDER/model.safetensors: it is a folder.',
    ],
    [
      'empty weights',
      (folder) => truncateSync(join(folder, 'model.safetensors'), 0),
      'FOLDER/model.safetensors: safetensors: a file has at least 8 bytes for the length of its header, this one has 0.',
    ],
    [
      'weights cut off',
      (folder) => truncateSync(join(folder, 'model.safetensors'), 20_000),
      'FOLDER/model.safetensors: safetensors: the tensors end at byte 25888 of the data, the file has 18080 bytes of it.',
    ],
    [
      'a header cut off',
      (folder) => truncateSync(join(folder, 'model.safetensors'), 100),
      'FOLDER/model.safetensors: safetensors: the header says it has 1912 bytes, the file only has 92 after it.',
    ],
  ])('%s', async (_, damage, expected) => {
    expect(await messageOf(damaged('llama3', damage))).toBe(expected);
  });

  const f32 = (start: number, end: number, shape: number[]): object => ({
    dtype: 'F32',
    shape,
    data_offsets: [start, end],
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      'tensors that overlap',
      fileOf({ a: f32(0, 8, [2]), b: f32(4, 12, [2]) }, 12),
      /"b" starts at 4, inside/,
    ],
    ['offsets beyond the file', fileOf({ a: f32(0, 4e15, [1e15]) }, 4), /end at byte 4000000000000000 of/],
    ['sizes beyond all bounds', fileOf({ a: f32(0, 4, [2 ** 40, 2 ** 40]) }, 4), /too large/],
    ['a dtype that there is not', fileOf({ a: { ...f32(0, 4, [1]), dtype: 'F3' } }, 4), /has dtype "F3"/],
    [
      'a header deeper than any stack',
      fileOf(`{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, 0),
      /model\.safetensors: safetensors: /,
    ],
  ])('%s', async (_, contents, expected) => {
    expect(await messageOf(withWeights(contents))).toMatch(expected);
  });

  it('a float that is too wide', async () => {
    const header = { 'model.norm.weight': { dtype: 'F64', shape: [32], data_offsets: [0, 256] } };
    expect(await messageOf(withWeights(fileOf(header, 256)))).toContain('model.norm.weight is F64');
  });

  it('no folder, and no name of the hub', async () => {
    const nowhere = join(newFolder(), 'nowhere');
    await expect(loadPretrained(gpu.device, nowhere)).rejects.toThrow(
      'is no folder, and no name of the hub, which looks like organization/model.',
    );
  });
});

describe('an index of shards', () => {
  const rewriteIndex = (change: (map: Record<string, string>) => unknown): string =>
    damaged('qwen2', (folder) => {
      const path = join(folder, 'model.safetensors.index.json');
      const index = JSON.parse(readFileSync(path, 'utf8')) as { weight_map: Record<string, string> };
      writeFileSync(path, JSON.stringify(change(index.weight_map) ?? index));
    });

  it.each<[string, (map: Record<string, string>) => unknown, string]>([
    [
      'that leads out of the folder',
      (map) => {
        map['model.norm.weight'] = '../other/model.safetensors';
      },
      'FOLDER: model.safetensors.index.json: weight_map.model.norm.weight: must be the plain name of a .safetensors file.',
    ],
    [
      'without a map',
      () => ({}),
      'FOLDER: model.safetensors.index.json: weight_map: Invalid input: expected record, received undefined.',
    ],
    ['of nothing', () => ({ weight_map: {} }), 'FOLDER: model.safetensors.index.json lists no tensors.'],
    [
      'of files that are not there',
      (map) => {
        map['model.norm.weight'] = 'model-00009-of-00009.safetensors';
      },
      'FOLDER: files of model.safetensors.index.json are missing: model-00009-of-00009.safetensors.',
    ],
    [
      'that does not fit its files',
      (map) => {
        map['phantom'] = 'model-00001-of-00003.safetensors';
        delete map['model.norm.weight'];
      },
      'FOLDER: model.safetensors.index.json does not fit its files. listed, but not in their files: phantom. in files, but not listed there: model.norm.weight (in model-00003-of-00003.safetensors).',
    ],
  ])('%s', async (_, change, expected) => {
    expect(await messageOf(rewriteIndex(change))).toBe(expected);
  });
});

describe('files that mean harm', () => {
  it('cannot break the line, or command the terminal, with the names of tensors', async () => {
    const folder = withTensors((tensors) => tensors.set('evil\u001b[31m\nname', zeros(1)));
    expect(await messageOf(folder)).toContain('extra: evil\\u{1b}[31m\\u{a}name.');
  });

  it('cannot ask for lists without end', async () => {
    for (const [name, field] of [
      ['llama3', 'num_hidden_layers'],
      ['gemma2', 'num_hidden_layers'],
      ['gpt2', 'n_layer'],
    ] as const)
      expect(await messageOf(withFields(name, { [field]: 1e9 }))).toContain(
        `config.json: ${field}: there are at most 10000 layers.`,
      );
  });
});

describe('values that are not finite', () => {
  it.each([
    ['model.norm.weight', 3, Number.NaN, 'holds NaN at [3]'],
    ['model.layers.0.mlp.up_proj.weight', 33, Number.NEGATIVE_INFINITY, 'holds -Infinity at [1, 1]'],
  ])('in %s are told where they are', async (name, index, value, message) => {
    const folder = withTensors((tensors) => {
      const { data, ...rest } = tensors.get(name) as HostTensor;
      const values = Float32Array.from(data);
      values[index] = value;
      tensors.set(name, { ...rest, data: values });
    });
    expect(await messageOf(folder)).toContain(`FOLDER: tensor ${name} ${message}.`);
  });
});
