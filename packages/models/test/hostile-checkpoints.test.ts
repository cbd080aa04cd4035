import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SafetensorsError } from '@foretoken/nn';
import type { Device } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../src/index.js';
import { readPeftConfig } from '../src/lora/peft-config.js';
import { companionFiles, readCompanion } from '../src/node/companions.js';
import { loadImageTokenizer, loadPretrained, loadPretrainedClassifier } from '../src/node/index.js';
import { copyFixture, useFolders } from './support/folders.js';

const newFolder = useFolders();

/** Nothing of a device is asked for before a checkpoint is found to be sound. */
const noDevice = new Proxy({} as Device, {
  get: (_, name) => {
    throw new Error(`The device was asked for ${String(name)}.`);
  },
});

/** The line that loading a folder fails with, soon. */
async function refusal(
  folder: string,
  load: (device: Device, folder: string) => Promise<unknown> = loadPretrained,
): Promise<string> {
  const start = performance.now();
  const error = await load(noDevice, folder).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error instanceof CheckpointError || error instanceof SafetensorsError, String(error)).toBe(true);
  const { message } = error as Error;
  expect(message).not.toMatch(/\p{Cc}/u);
  expect(message.length).toBeLessThan(3000);
  expect(performance.now() - start).toBeLessThan(3000);
  return message.replaceAll(folder, 'FOLDER');
}

const put = (folder: string, name: string, contents: string | Uint8Array): string => {
  rmSync(join(folder, name), { force: true, recursive: true });
  writeFileSync(join(folder, name), contents);
  return folder;
};
const llama = (): string => copyFixture('llama3', newFolder());
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

describe('a config.json of', () => {
  it.each<[string, string | Uint8Array, RegExp]>([
    ['null', 'null', /config\.json must hold an object/],
    ['a text', '"llama"', /config\.json must hold an object/],
    ['a list', '[{"model_type":"llama"}]', /config\.json must hold an object/],
    ['a number', '1e999', /config\.json must hold an object/],
    ['nothing', '', /config\.json: is empty; expected JSON/],
    ['half of one', '{"model_type":"llama"', /config\.json: is not valid JSON/],
    [
      'NaN as Python writes it',
      '{"model_type":"llama","rms_norm_eps":NaN}',
      /config\.json: is not valid JSON/,
    ],
    ['100,000 levels', deep(1e5), /config\.json: JSON is nested deeper than 100 levels/],
    ['a field of 100,000 levels', `{"model_type":"llama","x":${deep(1e5)}}`, /nested deeper than 100 levels/],
    ['a prototype', '{"model_type":"llama","__proto__":{"hidden_size":3}}', /has a field "__proto__"/],
    ['bytes that are no text', Uint8Array.of(0xff, 0xfe, 0x80), /config\.json is not UTF-8 text/],
    [
      'a type of 1 MB',
      JSON.stringify({ model_type: 'x\n'.repeat(5e5) }),
      /has model_type "x\\nx.*characters\)/,
    ],
    ['a type that is an object', '{"model_type":{"a":1}}', /has model_type {"a":1}/],
    ['architectures that are objects', '{"model_type":"llama","architectures":[{}]}', /has architecture {}/],
  ])('%s', async (_, contents, message) => {
    expect(await refusal(put(llama(), 'config.json', contents))).toMatch(message);
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ hidden_size: 1e9 }, /config\.json: hidden_size: at most 16777216\.$/],
    [{ hidden_size: 1e300 }, /config\.json: hidden_size: /],
    [{ hidden_size: -32 }, /hidden_size: Too small/],
    [{ hidden_size: 0 }, /hidden_size: Too small/],
    [{ hidden_size: 32.5 }, /hidden_size: Invalid input: expected int/],
    [{ hidden_size: '32' }, /hidden_size: Invalid input: expected number, received string/],
    [{ hidden_size: [32] }, /hidden_size: Invalid input: expected number, received array/],
    [{ hidden_size: null }, /hidden_size: Invalid input: expected number, received null/],
    [{ vocab_size: 1e12 }, /vocab_size: at most 16777216/],
    [{ intermediate_size: 2 ** 53 }, /intermediate_size: /],
    [{ num_hidden_layers: 1e9 }, /num_hidden_layers: there are at most 10000 layers/],
    [{ num_attention_heads: 1e9 }, /num_attention_heads: at most/],
    [
      { num_attention_heads: 5, head_dim: null },
      /num_attention_heads is 5; supported is a divisor of hidden_size \(32\)/,
    ],
    [{ num_key_value_heads: 3 }, /keyValueHeads: heads \(4\) must be a multiple of keyValueHeads \(3\)/],
    [{ head_dim: 7 }, /headWidth: rotary positions need an even headWidth, got 7/],
    [{ max_position_embeddings: 1e12 }, /max_position_embeddings: at most 16777216/],
    [{ max_position_embeddings: 'many' }, /max_position_embeddings: Invalid input/],
    [{ rms_norm_eps: 0 }, /rms_norm_eps: Too small/],
    [{ rms_norm_eps: 'small' }, /rms_norm_eps: Invalid input/],
    [{ rope_theta: -1 }, /rope_theta: Too small/],
    [{ rope_scaling: [] }, /rope_scaling: Invalid input: expected object, received array/],
    [{ rope_scaling: { rope_type: 'linear', factor: 0 } }, /rope_scaling\.factor: Too small/],
    [
      { rope_scaling: { rope_type: 'x'.repeat(1e6), factor: 1 } },
      /rope_scaling\.rope_type is "x+\.\.\. \(1,000,002 characters\); supported/,
    ],
    [{ tie_word_embeddings: 'yes' }, /tie_word_embeddings: Invalid input: expected boolean/],
    [{ hidden_act: 5 }, /hidden_act: Invalid input: expected string/],
    [{ hidden_act: 'x'.repeat(1e6) }, /hidden_act is "x+\.\.\. \(1,000,002 characters\)/],
    [{ quantization_config: deep(1) }, /has quantization_config/],
  ])('%j', async (fields, message) => {
    expect(await refusal(copyFixture('llama3', newFolder(), fields))).toMatch(message);
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ image_size: 1e9 }, /image_size: /],
    [{ image_size: [8, 8, 8] }, /image_size: /],
    [{ patch_size: 0 }, /patch_size: /],
    [{ patch_size: 5 }, /cannot be cut into patches of 5 x 5/],
    [{ num_channels: 1e10 }, /num_channels: /],
    [{ num_hidden_layers: 1e9 }, /num_hidden_layers: there are at most 10000 layers/],
    [{ id2label: [1, 2] }, /id2label: /],
    [
      {
        model_type: 'foretoken-image-classifier',
        architectures: ['ImageClassifier'],
        classifier: { trunk: null },
      },
      /config\.json describes no transformer/,
    ],
    [
      { model_type: 'foretoken-image-classifier', architectures: ['ImageClassifier'], classifier: 5 },
      /classifier: Invalid input/,
    ],
  ])('%j of images', async (fields, message) => {
    expect(await refusal(copyFixture('vit', newFolder(), fields), loadPretrainedClassifier)).toMatch(message);
  });
});

describe('in place of a file', () => {
  const places: readonly [string, RegExp][] = [
    ['config.json', /^cannot read FOLDER\/config\.json: it is a (folder|pipe|device), not a file\.$/],
    ['model.safetensors', /^cannot read FOLDER\/model\.safetensors: it is (a folder|no regular file)\.$/],
  ];

  it.each(places)('of %s: a folder, a pipe, a device, a circle of links, nothing', async (name, message) => {
    const folder = llama();
    const path = join(folder, name);
    const replaced = [
      () => mkdirSync(path),
      () => execFileSync('mkfifo', [path]),
      () => symlinkSync('/dev/zero', path),
      () => symlinkSync('/dev/full', path),
    ];
    for (const replace of replaced) {
      rmSync(path, { force: true, recursive: true });
      replace();
      expect(await refusal(folder)).toMatch(message);
    }
    rmSync(path, { recursive: true });
    symlinkSync(name, path);
    expect(await refusal(folder)).toMatch(
      /^cannot read FOLDER\/.*: its symbolic links lead round in a circle|ELOOP/,
    );
    rmSync(path);
    symlinkSync('nowhere', path);
    expect(await refusal(folder)).toMatch(/^cannot read FOLDER\/.*there is no such file/);
  });

  it('a config of more than 64 MiB, which is not read', async () => {
    const folder = llama();
    truncateSync(join(folder, 'config.json'), 2 ** 40);
    expect(await refusal(folder)).toMatch(
      /config\.json has 1,099,511,627,776 bytes; the limit is 67,108,864/,
    );
  });
});

/** A safetensors file with this header and so many bytes of zeros. */
function weightsOf(header: unknown, dataBytes = 0): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const file = Buffer.alloc(8 + json.length + dataBytes);
  file.writeBigUInt64LE(BigInt(json.length));
  json.copy(file, 8);
  return file;
}
const f32 = (shape: unknown, start = 0, end = 4): object => ({
  dtype: 'F32',
  shape,
  data_offsets: [start, end],
});

describe('weights with a header that', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['is 100,000 levels deep', weightsOf(`{"a":${deep(1e5)}}`), /nested deeper than 8 levels/],
    [
      'claims more than there may be',
      Buffer.from('ffffffffffffff7f7b7d', 'hex'),
      /over the limit of 100000000/,
    ],
    [
      'has a name of 4 MB',
      weightsOf({ [`a\n${'n'.repeat(4e6)}`]: f32([2]) }, 4),
      /tensor "a\\nn+"\.\.\. \(4,000,002 characters\)/,
    ],
    [
      'has a name of 4 MB that fits',
      weightsOf({ ['n'.repeat(4e6)]: f32([1]) }, 4),
      /extra: .*model\.n+\.\.\. \(4,000,006 characters\)/,
    ],
    [
      'has a dtype of 4 MB',
      weightsOf({ a: { ...f32([1]), dtype: 'x'.repeat(4e6) } }, 4),
      /has dtype "x+"\.\.\. \(4,000,000/,
    ],
    ['has a shape of a million sizes', weightsOf({ a: f32(new Array(1e6).fill(2)) }, 4), /is too large/],
    ['has sizes below 0', weightsOf({ a: f32([-1]) }, 4), /shape must be a list of whole numbers/],
    ['has sizes beyond 2^53', weightsOf({ a: f32([2 ** 40, 2 ** 40]) }, 4), /is too large/],
    ['has half sizes', weightsOf({ a: f32([0.5]) }, 4), /shape must be a list of whole numbers/],
    [
      'has offsets that run backwards',
      weightsOf({ a: f32([1], 4, 0) }, 4),
      /takes 4 bytes, data_offsets \[4, 0\] hold -4/,
    ],
    ['has null for a tensor', weightsOf({ a: null }), /tensor "a" must be an object/],
    ['has a prototype', weightsOf('{"__proto__":{}}'), /has a field "__proto__"/],
    [
      'has metadata that is no object',
      weightsOf({ __metadata__: [deep(5)] }),
      /__metadata__ must be an object of strings/,
    ],
    [
      'has metadata with a name of 1 MB',
      weightsOf({ __metadata__: { ['m'.repeat(1e6)]: 1 } }),
      /"m+"\.\.\. \(1,000,000 characters\) is none/,
    ],
    ['is a list', weightsOf('[]'), /the header must start with '{'/],
    ['is no JSON', weightsOf('{'.repeat(9)), /nested deeper than 8/],
    ['names nothing', weightsOf({}), /missing: model\.embed_tokens\.weight/],
    [
      'has the names and other shapes',
      weightsOf({ 'model.norm.weight': f32([1]) }, 4),
      /wrong shape: model\.norm\.weight is \[1\], expected \[32\]/,
    ],
  ])('%s', async (_, contents, message) => {
    expect(await refusal(put(llama(), 'model.safetensors', contents))).toMatch(message);
  });
});

describe('an index that', () => {
  it.each<[string, string, RegExp]>([
    ['is null', 'null', /model\.safetensors\.index\.json: the file: Invalid input/],
    ['is a list', '[]', /model\.safetensors\.index\.json: the file: Invalid input/],
    ['is deep', deep(1e5), /nested deeper than 100 levels/],
    ['has a map that is a list', '{"weight_map":["a"]}', /weight_map: Invalid input/],
    ['leads out', '{"weight_map":{"a":"../a.safetensors"}}', /weight_map\.a: must be the plain name/],
    ['leads to a device', '{"weight_map":{"a":"/dev/zero"}}', /weight_map\.a: must be the plain name/],
    [
      'has a name of 1 MB',
      JSON.stringify({ weight_map: { ['n\n'.repeat(5e5)]: 5 } }),
      /weight_map\.n\\u\{a\}n.*characters\): Invalid/,
    ],
    [
      'names files that are not there',
      '{"weight_map":{"a":"a.safetensors"}}',
      /files of model\.safetensors\.index\.json are missing: a\.safetensors/,
    ],
  ])('%s', async (_, contents, message) => {
    const folder = llama();
    rmSync(join(folder, 'model.safetensors'));
    expect(await refusal(put(folder, 'model.safetensors.index.json', contents))).toMatch(message);
  });
});

describe('an adapter_config.json of', () => {
  const good = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'] };

  it.each<[unknown, RegExp]>([
    [null, /must hold an object/],
    [[], /must hold an object/],
    ['LORA', /must hold an object/],
    [{}, /peft_type: only LORA adapters are known/],
    [{ ...good, r: 1e9 }, /r: at most 16777216/],
    [{ ...good, r: 0 }, /r: Too small/],
    [{ ...good, r: 1.5 }, /r: Invalid input: expected int/],
    [{ ...good, lora_alpha: 'x' }, /lora_alpha: Invalid input/],
    [{ ...good, lora_dropout: 1 }, /lora_dropout: Too big/],
    [{ ...good, target_modules: [] }, /target_modules: /],
    [{ ...good, target_modules: [null] }, /target_modules/],
    [{ ...good, layers_to_transform: [-1] }, /layers_to_transform/],
    [{ ...good, rank_pattern: [2] }, /rank_pattern: Invalid input/],
    [{ ...good, rank_pattern: { a: 1e12 } }, /rank_pattern\.a: at most/],
    [{ ...good, alpha_pattern: { a: 'b' } }, /alpha_pattern\.a: Invalid input/],
    [{ ...good, ['evil\u001b[31m'.repeat(1e5)]: 1 }, /evil\\u\{1b\}\[31m.*characters\) 1 is not supported/],
    [{ ...good, layers_pattern: '(a+)+$' }, /layers_pattern "\(a\+\)\+\$" is not supported/],
  ])('%j', (fields, message) => {
    expect(() => readPeftConfig('FOLDER', fields)).toThrow(message);
    expect(() => readPeftConfig('FOLDER', fields)).toThrow(CheckpointError);
  });
});

describe('an image tokenizer with', () => {
  const image = { channels: 1, height: 4, width: 4 };
  const codebook = { kind: 'patch-codebook', image, patch: 2, codes: 4 };
  const vq = { ...codebook, kind: 'vq-autoencoder', codeWidth: 2, width: 4, layers: 1, heads: 1 };

  it.each<[string, unknown, RegExp]>([
    ['null', null, /config\.json: image tokenizer: Invalid/],
    ['a list', [], /config\.json: image tokenizer: Invalid/],
    ['an unknown kind', { ...codebook, kind: 'x' }, /config\.json: image tokenizer: kind/],
    ['1e9 codes', { ...codebook, codes: 1e9 }, /config\.json: image tokenizer: codes/],
    ['half a code', { ...codebook, codes: 2.5 }, /config\.json: image tokenizer: codes/],
    [
      'images of 1e9 pixels',
      { ...codebook, image: { ...image, height: 1e9 } },
      /image tokenizer: image: height/,
    ],
    [
      'more values than the weights',
      { ...codebook, codes: 65_536 },
      /describes a tokenizer with at least 262144 values, the weights have 1/,
    ],
    [
      'a width that is not there',
      { ...vq, width: 65_536 },
      /describes a tokenizer with at least \d+ values, the weights have 1/,
    ],
    [
      'layers that are not there',
      { ...vq, layers: 9999 },
      /describes a tokenizer with at least \d+ values, the weights have 1/,
    ],
    ['1e9 layers', { ...vq, layers: 1e9 }, /image tokenizer: layers: there are at most 10000 layers/],
  ])('%s', async (_, config, message) => {
    const folder = put(newFolder(), 'config.json', JSON.stringify(config));
    put(folder, 'model.safetensors', weightsOf({ a: f32([1]) }, 4));
    expect(await refusal(folder, loadImageTokenizer)).toMatch(message);
  });
});

describe('files that are kept beside a saved model', () => {
  const secret = (): string => join(put(newFolder(), 'secret', 'secret'), 'secret');

  it('are those of the folder, and none that it leads to', () => {
    const folder = llama();
    put(folder, 'tokenizer.json', '{}');
    symlinkSync('tokenizer.json', join(folder, 'tokenizer_config.json'));
    expect([...companionFiles(folder).keys()]).toEqual(['tokenizer.json', 'tokenizer_config.json']);
    for (const [target, message] of [
      [secret(), /chat_template\.jinja is a link that leads out of the folder/],
      ['../../../../../../../../etc/hostname', /leads out of the folder|a file that is not there/],
      ['nowhere', /is a link to a file that is not there/],
      ['/dev/zero', /leads out of the folder/],
    ] as const) {
      rmSync(join(folder, 'chat_template.jinja'), { force: true });
      symlinkSync(target, join(folder, 'chat_template.jinja'));
      expect(() => companionFiles(folder)).toThrow(message);
      expect(() => companionFiles(folder)).toThrow(CheckpointError);
    }
    rmSync(join(folder, 'chat_template.jinja'));
    mkdirSync(join(folder, 'chat_template.jinja'));
    expect(() => companionFiles(folder)).toThrow('is no regular file');
  });

  it('are found through a folder that is a link itself', () => {
    const real = put(llama(), 'vocab.json', '{}');
    const link = join(newFolder(), 'model');
    symlinkSync(real, link);
    expect([...companionFiles(link).keys()]).toEqual(['vocab.json']);
  });

  it('are found among the blobs of the same model of the hub, as its cache has them', () => {
    const cache = newFolder();
    const model = join(cache, 'models--lab--m');
    const snapshot = join(model, 'snapshots', 'abc');
    mkdirSync(snapshot, { recursive: true });
    mkdirSync(join(model, 'blobs'));
    writeFileSync(join(model, 'blobs', 'b1'), '{"a":1}');
    symlinkSync('../../blobs/b1', join(snapshot, 'tokenizer.json'));
    const [path = ''] = companionFiles(snapshot).values();
    expect(Buffer.from(readCompanion(path)).toString()).toBe('{"a":1}');
    // Of another model, or through a blob to anywhere.
    for (const target of [secret(), '../../../models--lab--other/blobs/b2']) {
      rmSync(join(model, 'blobs', 'b1'), { force: true });
      symlinkSync(target, join(model, 'blobs', 'b1'));
      expect(() => companionFiles(snapshot)).toThrow(CheckpointError);
    }
  });
});
