import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdamW, type HostTensor, readSafetensors, takeGradients } from '@foretoken/nn';
import { HostRandom, linearCrossEntropy, randomKey, type Tensor, type Variable } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { addLora, causalMask, generate, TokenGenerator, type Transformer } from '../src/index.js';
import { loadLora, loadPretrained, savePretrained } from '../src/node/index.js';
import { useDevice } from './support/device.js';
import { adapterFolder, fixtureFolder, useFolders } from './support/folders.js';
import { createModel, smallConfigs } from './support/models.js';
import { pick, relativeError } from './support/reference.js';

const gpu = useDevice();
const newFolder = useFolders();

const adapters = ['llama3', 'qwen2', 'gemma2', 'gpt2'];

const referenceOf = (name: string): Map<string, HostTensor> =>
  readSafetensors(new Uint8Array(readFileSync(join(adapterFolder(name), 'reference.safetensors')))).tensors;

function hiddenStates(model: Transformer, tokens: Tensor, dropoutKey?: Tensor): Tensor {
  const [batch, time] = tokens.shape as [number, number];
  const positions = gpu.device.arange(time, 'i32').reshape([1, time]).expand([batch, time]);
  return model.trunk({ tokens, positions, mask: causalMask(gpu.device, time), dropoutKey });
}

/** Next-token loss of `tokens`. */
function lossOf(model: Transformer, tokens: Tensor, dropoutKey?: Tensor): Tensor {
  const time = tokens.shape[1] as number;
  const rows = hiddenStates(model, tokens, dropoutKey).slice(1, 0, time - 1);
  const targets = tokens.slice(1, 1, time).flatten();
  return linearCrossEntropy(rows.reshape([-1, model.config.width]), model.unembedding, targets, {
    softCap: model.config.logitSoftCap,
  });
}

const bitsOf = async (variable: Variable): Promise<Uint32Array> =>
  new Uint32Array(Float32Array.from(await variable.data()).buffer);

/** The bits of all parameters that no adapter has. */
async function baseBits(model: Transformer): Promise<Map<string, Uint32Array>> {
  const own = [...model.parameters()].filter(([name]) => !name.includes('.adapters.'));
  return new Map(
    await Promise.all(own.map(async ([name, variable]) => [name, await bitsOf(variable)] as const)),
  );
}

/** Gives B values, so that adapters add something. */
function stir(parameters: ReadonlyMap<string, Variable>): void {
  const random = new HostRandom(5);
  for (const [name, variable] of parameters) {
    if (name.includes('lora_B'))
      variable.load(Float32Array.from({ length: variable.size }, () => 0.3 * random.normal()));
  }
}

describe.each(adapters)('%s, an adapter in the layout of PEFT', (name) => {
  const reference = referenceOf(name);
  const { data, shape } = pick(reference, 'tokens');
  const load = async () => {
    const { model } = await loadPretrained(gpu.device, fixtureFolder(name));
    return { model, tokens: gpu.device.tensor(data, { shape }) };
  };
  const logitsOf = (model: Transformer, tokens: Tensor) => model.logits(hiddenStates(model, tokens)).data();

  it('has the logits, the loss and the gradients that PyTorch gives it', async () => {
    const { model, tokens } = await load();
    const lora = await loadLora(model, adapterFolder(name));
    expect(relativeError(await logitsOf(model, tokens), pick(reference, 'logits').data)).toBeLessThan(2e-6);
    const loss = lossOf(model, tokens);
    loss.backward();
    expect(await loss.item()).toBeCloseTo(pick(reference, 'loss').data[0] as number, 5);
    const names = [...reference.keys()].filter((each) => each.startsWith('gradient.'));
    expect([...lora.parameters().keys()].map((each) => `gradient.${each}`).sort()).toEqual(names.sort());
    // All that has a gradient is the adapters'.
    expect(takeGradients(model.parameters()).size).toBe(names.length);
    loss.dispose();
    lossOf(model, tokens).backward();
    for (const [parameter, gradient] of takeGradients(lora.parameters())) {
      const expected = pick(reference, `gradient.${parameter}`).data;
      expect(relativeError(await gradient.data(), expected), parameter).toBeLessThan(1e-5);
    }
    model.dispose();
  });

  it('gives the same merged, to rounding, and the base its bits back', async () => {
    const { model, tokens } = await load();
    const [bits, plain] = [await baseBits(model), await logitsOf(model, tokens)];
    const lora = await loadLora(model, adapterFolder(name));
    const adapted = await logitsOf(model, tokens);
    expect(relativeError(adapted, plain)).toBeGreaterThan(0.01);
    lora.merge();
    expect(lora.merged).toBe(true);
    expect(await baseBits(model)).not.toEqual(bits);
    expect(relativeError(await logitsOf(model, tokens), adapted)).toBeLessThan(2e-6);
    lora.unmerge();
    expect(await baseBits(model)).toEqual(bits);
    expect(await logitsOf(model, tokens)).toEqual(adapted);
    lora.unload();
    expect(await logitsOf(model, tokens)).toEqual(plain);
    expect([...model.parameters().values()].every(({ trainable }) => trainable)).toBe(true);
    model.dispose();
  });

  it('generates with a cache, unmerged and merged, what it predicts without one', async () => {
    const { model } = await load();
    const lora = await loadLora(model, adapterFolder(name));
    const prompts = [Array.from(data.slice(0, 3)), Array.from(data.slice(12, 17))];
    const generator = new TokenGenerator(model, { batch: 2, capacity: 14 });
    const options = { maxNewTokens: 8, greedy: true };
    const unmerged = await generator.generate(prompts, options);
    for (const [row, prompt] of prompts.entries()) {
      const whole = Int32Array.from([...prompt, ...(unmerged[row] ?? [])]);
      const tokens = gpu.device.tensor(whole, { shape: [1, whole.length] });
      const predicted = await model.logits(hiddenStates(model, tokens)).argmax(-1).data();
      expect(unmerged[row]).toEqual(Array.from(predicted.slice(prompt.length - 1, -1)));
    }
    // The steps that the generator compiled do not add the adapters a second time.
    lora.merge();
    expect(await generator.generate(prompts, options)).toEqual(unmerged);
    lora.unmerge();
    expect(await generator.generate(prompts, options)).toEqual(unmerged);
    generator.dispose();
    model.dispose();
  });

  it('is in the model for good after mergeAndUnload, as savePretrained writes it', async () => {
    const { model, tokens } = await load();
    const count = model.parameterCount();
    const lora = await loadLora(model, adapterFolder(name));
    expect(model.parameterCount()).toBe(lora.parameterCount());
    lora.merge();
    const merged = await logitsOf(model, tokens);
    lora.mergeAndUnload();
    expect(model.parameterCount()).toBe(count);
    const folder = newFolder();
    await savePretrained(model, folder);
    const { model: again } = await loadPretrained(gpu.device, folder);
    expect(await logitsOf(again, tokens)).toEqual(merged);
    model.dispose();
    again.dispose();
  });
});

describe('addLora', () => {
  const tokensOf = (data: readonly number[]) =>
    gpu.device.tensor(Int32Array.from(data), { shape: [1, data.length] });

  it('trains the adapters alone, in a compiled step that computes no other gradients', async () => {
    const { model } = await loadPretrained(gpu.device, fixtureFolder('qwen2'));
    const inputs = {
      tokens: { data: Int32Array.of(1, 2, 3, 1, 2, 3, 1, 2, 3, 1), shape: [1, 10] },
      learningRate: { data: Float32Array.of(0.02), shape: [] },
      stepNumber: { data: Float32Array.of(1), shape: [] },
    };
    const compile = (parameters: ReadonlyMap<string, Variable>) => {
      const optimizer = new AdamW(parameters);
      const step = gpu.device.compile(
        ({
          tokens,
          learningRate,
          stepNumber,
        }: {
          tokens: Tensor;
          learningRate: Tensor;
          stepNumber: Tensor;
        }) => {
          const loss = lossOf(model, tokens);
          loss.backward();
          optimizer.step(takeGradients(parameters), { learningRate, stepNumber });
          return { loss };
        },
      );
      return { optimizer, step };
    };
    const bits = await baseBits(model);
    const lora = addLora(model, { rank: 4, alpha: 8, targets: ['q_proj', 'v_proj'] }, new HostRandom(1));
    // Frozen parameters have no moments, even where the optimizer is given all of them.
    const { optimizer, step } = compile(model.parameters());
    expect(optimizer.state().size).toBe(2 * lora.parameters().size);
    const losses: number[] = [];
    for (let stepNumber = 1; stepNumber <= 20; stepNumber++) {
      const { loss } = step.run({ ...inputs, stepNumber: { data: Float32Array.of(stepNumber), shape: [] } });
      losses.push(await loss.item());
    }
    expect(losses.at(-1)).toBeLessThan(0.8 * (losses[0] as number));
    expect(await baseBits(model)).toEqual(bits);
    const own = await step.profile(inputs);
    step.dispose();
    optimizer.dispose();
    lora.unload();
    expect(await baseBits(model)).toEqual(bits);
    const all = compile(model.parameters());
    const full = await all.step.profile(inputs);
    const products = ({ kernels }: typeof full) =>
      kernels.filter((each) => each.name.includes('matmul')).length;
    // Not computed: gradients of 3 * 4 weights and of the output, and of what enters the lowest projection. In exchange, 6
    // adapters have 2 products each and the gradients of 2 factors and of what lies between; 4 of what enters them.
    expect(products(own)).toBe(products(full) - (3 * 4 + 1 + 1) + 6 * (2 + 3) + 4);
    expect(own.arenaBytes).toBeLessThan(full.arenaBytes);
    all.step.dispose();
    all.optimizer.dispose();
    model.dispose();
  });

  it('drops inputs of adapters by the key of the pass, with recomputed activations too', async () => {
    for (const activationCheckpointing of ['none', 'blocks'] as const) {
      const { model } = await loadPretrained(gpu.device, fixtureFolder('llama3'), {
        training: { activationCheckpointing },
      });
      const config = { rank: 4, alpha: 8, dropout: 0.5, targets: 'all-linear' };
      const lora = addLora(model, config, new HostRandom(1));
      stir(lora.parameters());
      const tokens = tokensOf([1, 2, 3, 4, 5, 6]);
      const key = (step: number) => gpu.device.tensor(randomKey(0, step), { shape: [2] });
      const [none, first, again, second] = await Promise.all(
        [undefined, key(1), key(1), key(2)].map((each) => lossOf(model, tokens, each).item()),
      );
      expect(first).toBe(again);
      expect(new Set([none, first, second]).size).toBe(3);
      lossOf(model, tokens, key(1)).backward();
      expect(takeGradients(lora.parameters()).size).toBe(lora.parameters().size);
      model.dispose();
    }
  });

  it("gives models of one's own adapters under their own names, where no family has any", async () => {
    const model = createModel(gpu.device, smallConfigs.attentionOnly);
    const lora = addLora(model, { rank: 2, alpha: 2, targets: ['queryKeyValue'] }, new HostRandom(1));
    expect(lora.sites.map(({ name }) => name)).toEqual([
      'blocks.0.attention.queryKeyValue',
      'blocks.1.attention.queryKeyValue',
    ]);
    model.dispose();
  });

  it('is seen by steps that were compiled before', async () => {
    const model = createModel(gpu.device, smallConfigs.llama);
    const generator = new TokenGenerator(model, { batch: 1, capacity: 12 });
    const options = { maxNewTokens: 8, greedy: true };
    const before = await generator.generate([[1, 2]], options);
    const lora = addLora(model, { rank: 2, alpha: 64, targets: 'all-linear' }, new HostRandom(1));
    expect(await generator.generate([[1, 2]], options)).toEqual(before);
    stir(lora.parameters());
    const adapted = await generator.generate([[1, 2]], options);
    expect(adapted).not.toEqual(before);
    expect(await generate(model, [[1, 2]], options)).toEqual(adapted);
    lora.unload();
    expect(await generator.generate([[1, 2]], options)).toEqual(before);
    generator.dispose();
    model.dispose();
  });

  it('means the layers that PEFT means', () => {
    const model = createModel(gpu.device, smallConfigs.llama);
    const chosen = (config: object) => {
      const lora = addLora(model, { rank: 1, alpha: 1, ...config } as never, new HostRandom(1));
      const names = lora.sites.map(({ name }) => name.replace('model.layers.', ''));
      lora.unload();
      return names;
    };
    expect(
      chosen({ targets: 'all-linear', exclude: ['self_attn.o_proj', 'down_proj', 'up_proj', 'gate_proj'] }),
    ).toEqual([0, 1].flatMap((layer) => ['q', 'k', 'v'].map((name) => `${layer}.self_attn.${name}_proj`)));
    expect(chosen({ targets: ['model.layers.1.mlp.up_proj', 'k_proj'], layers: [1] })).toEqual([
      '1.self_attn.k_proj',
      '1.mlp.up_proj',
    ]);
    expect(chosen({ targets: '.*0.*(up|gate)_proj' })).toEqual(['0.mlp.gate_proj', '0.mlp.up_proj']);
    // The whole name has to fit.
    expect(() => chosen({ targets: 'up_proj' })).toThrow('target "up_proj" matches no linear layer.');
    model.dispose();
  });

  it.each<[object, string | RegExp]>([
    [{ targts: ['q_proj'], targets: ['q_proj'] }, 'there is no setting targts. Did you mean targets?'],
    [
      { targets: ['q_porj', 'v_proj'] },
      'target "q_porj" matches no linear layer. Did you mean q_proj? There are q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, as in model.layers.0.self_attn.q_proj.',
    ],
    [{ targets: ['lm_head'] }, 'target "lm_head" matches no linear layer.'],
    [
      { targets: 'q'.repeat(2_000_000) },
      '(2,000,000 characters) is no regular expression: Regular expression too large.',
    ],
    [{ targets: '(q_proj' }, 'targets: "(q_proj" is no regular expression'],
    [{ targets: [] }, 'targets: name at least one.'],
    [
      { targets: ['k_proj'], rank: 9 },
      'rank 9 is larger than model.layers.0.self_attn.k_proj [8, 16]; choose at most 8',
    ],
    [{ targets: ['q_proj'], rank: 0, dropout: 1 }, /rank: .* dropout: /],
    [{ targets: ['q_proj'], layers: [2] }, 'layer 2 does not exist: layers are 0 to 1.'],
    [{ targets: '.*q_proj', layers: [1] }, 'layers: goes with a list of targets only'],
    [{ targets: ['q_proj'], exclude: ['q_proj'] }, 'exclude leaves none of the targets.'],
    [
      { targets: ['q_proj'], rankPattern: { 'layers.1.*': 17 } },
      'rank 17 is larger than model.layers.1.self_attn.q_proj',
    ],
  ])('refuses %j', (config, message) => {
    const model = createModel(gpu.device, smallConfigs.llama);
    expect(() => addLora(model, { rank: 2, alpha: 4, ...config } as never, new HostRandom(1))).toThrow(
      message,
    );
    // Nothing was frozen, nothing added.
    expect(
      [...model.parameters()].filter(([name, { trainable }]) => !trainable || name.includes('adapters')),
    ).toEqual([]);
    model.dispose();
  });

  it('refuses a second set of adapters', () => {
    const model = createModel(gpu.device, smallConfigs.llama);
    const config = { rank: 2, alpha: 4, targets: ['q_proj'] };
    addLora(model, config, new HostRandom(1));
    expect(() => addLora(model, config, new HostRandom(1))).toThrow('the model has adapters already');
    model.dispose();
  });
});
