import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadLora, loadPretrained } from '@foretoken/models/node';
import { type Device, openDevice } from '@foretoken/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { overrideRecipe, parseRecipe, type Recipe, RunFolder, train } from '../src/index.js';

let device: Device;
const scratch = mkdtempSync(join(tmpdir(), 'foretoken-lora-'));
const path = (...names: string[]): string => join(scratch, ...names);
const fixture = fileURLToPath(new URL('../../models/test/fixtures/checkpoints/llama3', import.meta.url));

beforeAll(async () => {
  device = await openDevice();
  cpSync(fixture, path('base'), { recursive: true });
  const { vocab_size: size } = JSON.parse(readFileSync(path('base', 'config.json'), 'utf8')) as {
    vocab_size: number;
  };
  const letters = [...'abcdefghijklmnopqrstuvwxyz .'].slice(0, size - 2);
  const vocab = Object.fromEntries(['<unk>', '</s>', ...letters].map((letter, id) => [letter, id]));
  const special = ['<unk>', '</s>'].map((content, id) => ({ id, content, special: true }));
  writeFileSync(
    path('base', 'tokenizer.json'),
    JSON.stringify({
      model: { type: 'BPE', vocab, merges: [], unk_token: '<unk>' },
      decoder: { type: 'Fuse' },
      added_tokens: special,
    }),
  );
  writeFileSync(
    path('base', 'tokenizer_config.json'),
    JSON.stringify({ eos_token: '</s>', unk_token: '<unk>' }),
  );
  const text = 'a cab had a bad cab. a fed bee ate a cafe. dad had a big cage. '.repeat(20);
  writeFileSync(path('train.txt'), text);
  writeFileSync(path('valid.txt'), text.slice(0, 300));
});
afterAll(() => {
  device.close();
  rmSync(scratch, { recursive: true });
});

const recipe = (lora: Record<string, unknown> | undefined): Recipe =>
  parseRecipe({
    name: 'adapters',
    task: {
      kind: 'corpus',
      files: { train: path('train.txt'), validation: path('valid.txt') },
      time: 12,
    },
    model: { from: path('base') },
    lora,
    objectives: { mutor: { maxOffset: 3 } },
    optimizer: { learningRate: 1e-2 },
    batch: 4,
    steps: 6,
    evaluation: { every: 3, lossExamples: 4 },
    logEvery: 1,
  });

const LORA = { rank: 2, alpha: 4, dropout: 0.1, targets: ['q_proj', 'v_proj'] };

async function run(name: string, given: Recipe, stopAfter = Number.POSITIVE_INFINITY): Promise<void> {
  let seen = 0;
  for await (const { type } of train({
    device,
    recipe: given,
    objective: 'mutor',
    seed: 0,
    folder: path(name),
  }))
    if (type !== 'phase' && ++seen > stopAfter) break;
}

describe('adapters in a recipe', () => {
  it('train along with registers, resume to the same bits, and open in PEFT and as a whole model', async () => {
    await run('whole', recipe(LORA));
    for (const stopAfter of [1, 4]) await run('pieces', recipe(LORA), stopAfter);
    await run('pieces', recipe(LORA));
    for (const file of [
      'model/model.safetensors',
      'adapter/adapter_model.safetensors',
      'adapter/objective.safetensors',
    ])
      expect(readFileSync(path('pieces', file)).equals(readFileSync(path('whole', file))), file).toBe(true);
    const config = JSON.parse(
      readFileSync(path('whole', 'adapter', 'adapter_config.json'), 'utf8'),
    ) as object;
    expect(config).toMatchObject({ peft_type: 'LORA', r: 2, base_model_name_or_path: path('base') });
    expect(existsSync(path('whole', 'model', 'tokenizer.json'))).toBe(true);
    // Only adapters and registers are in the checkpoint, and the base beside its adapters is the merged model.
    const names = [...(new RunFolder(path('whole')).load()?.tensors.keys() ?? [])];
    expect(names.filter((name) => name.startsWith('model.')).every((name) => /lora_[AB]/.test(name))).toBe(
      true,
    );
    const base = await loadPretrained(device, path('base'));
    await loadLora(base.model, path('whole', 'adapter'));
    const merged = await loadPretrained(device, path('whole', 'model'));
    const tokens = device.tensor(Int32Array.of(3, 4, 5, 6), { shape: [1, 4] });
    const positions = device.arange(4).reshape([1, 4]);
    const mask = device.ones([1, 1, 4, 4], 'i32').ne(0);
    const [a, b] = await Promise.all(
      [base.model, merged.model].map((model) =>
        model.logits(model.trunk({ tokens, positions, mask })).data(),
      ),
    );
    const largest = Math.max(...(a as Float32Array).map(Math.abs));
    (a as Float32Array).forEach((logit, at) => {
      expect(Math.abs(logit - ((b as Float32Array)[at] as number))).toBeLessThan(1e-5 * largest);
    });
  });

  it('are settings like any other, and refused where they do not fit', () => {
    const changed = overrideRecipe(recipe(LORA), ['lora.rank=4', 'lora.targets=all-linear']);
    expect(changed.lora).toEqual({ ...LORA, rank: 4, targets: 'all-linear' });
    expect(() => recipe({ ...LORA, rnak: 3 })).toThrow(/lora.*rnak.*rank/s);
    expect(() => parseRecipe({ ...recipe(LORA), model: {} })).toThrow(/lora.*model\.from/s);
  });
});
