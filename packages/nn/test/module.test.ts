import { HostRandom, type Variable } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { Embedding, LayerNorm, Linear, loadInto, Module, StateDictError, stateDictOf } from '../src/index.js';
import { useDevice } from './support/device.js';

const gpu = useDevice();
const random = new HostRandom(0);

class Nested extends Module {
  readonly table = new Embedding(gpu.device, { count: 3, width: 2 }, random);
  readonly layers = [0, 1].map(
    () => new Linear(gpu.device, { inWidth: 2, outWidth: 2, bias: false }, random),
  );
  readonly named = new Map<string, Module | Variable>([
    ['norm', new LayerNorm(gpu.device, { width: 2 })],
    ['register', gpu.device.variable(new Float32Array(2), { shape: [2], name: 'register' })],
  ]);
  readonly tied = this.table.weight;
  readonly note = { text: 'neither module nor variable' };
  readonly absent = undefined;
}

describe('Module', () => {
  it('names parameters by path, in order, shared ones once', () => {
    expect([...new Nested().parameters().keys()]).toEqual([
      'table.weight',
      'layers.0.weight',
      'layers.1.weight',
      'named.norm.weight',
      'named.norm.bias',
      'named.register',
    ]);
  });

  it('counts parameters', () => {
    expect(new Nested().parameterCount()).toBe(6 + 4 + 4 + 2 + 2 + 2);
  });

  it('loads what it saved', async () => {
    const [source, copy] = [new Nested(), new Nested()];
    const state = await source.stateDict();
    expect(copy.loadStateDict(state)).toEqual({ missing: [], unexpected: [] });
    expect(await copy.stateDict()).toEqual(state);
  });

  it('lists everything that does not fit, and then loads nothing', async () => {
    const module = new Nested();
    const before = await module.stateDict();
    const state = new Map(before);
    state.delete('table.weight');
    state.set('extra', { data: new Float32Array(1), shape: [1], dtype: 'f32' });
    state.set('layers.1.weight', { data: new Float32Array(4), shape: [4], dtype: 'f32' });
    state.set('layers.0.weight', { data: new Float32Array(4), shape: [2, 2], dtype: 'f32' });
    expect(() => module.loadStateDict(state)).toThrow(
      new StateDictError(
        'Nested: the state does not fit. missing: table.weight. unexpected: extra. ' +
          'mismatched: layers.1.weight is f32[2, 2], the state has f32[4].',
      ),
    );
    expect(await module.stateDict()).toEqual(before);
  });

  it('without strict, pairs what it can and reports the rest; shapes must fit all the same', async () => {
    const module = new Nested();
    const state = new Map([
      ['named.register', { data: Float32Array.of(8, 9), shape: [2], dtype: 'f32' as const }],
    ]);
    const { missing, unexpected } = module.loadStateDict(state, { strict: false });
    expect([missing.length, unexpected.length]).toEqual([5, 0]);
    expect((await module.stateDict()).get('named.register')?.data).toEqual(Float32Array.of(8, 9));
    state.set('named.register', { data: new Float32Array(3), shape: [3], dtype: 'f32' });
    expect(() => module.loadStateDict(state, { strict: false })).toThrow('mismatched: named.register');
  });

  it('takes the f32 that files give for halves into f16 variables', async () => {
    if (!gpu.device.features.has('shader-f16')) return;
    const half = gpu.device.variable(new Float32Array(2), { dtype: 'f16' });
    const variables = new Map([['half', half]]);
    loadInto(
      'test',
      variables,
      new Map([['half', { data: Float32Array.of(0.5, 3), shape: [2], dtype: 'f32' }]]),
    );
    expect(await half.data()).toEqual(Float32Array.of(0.5, 3));
    const state = await stateDictOf(variables);
    expect(state.get('half')?.dtype).toBe('f16');
    loadInto('test', variables, state);
    const integers = new Map([['half', { data: Int32Array.of(1, 2), shape: [2], dtype: 'i32' as const }]]);
    expect(() => loadInto('test', variables, integers)).toThrow('half is f16[2], the state has i32[2]');
  });

  it('frees the memory of all its parameters', () => {
    const before = gpu.device.memory().liveBuffers;
    const module = new Nested();
    expect(gpu.device.memory().liveBuffers).toBeGreaterThan(before);
    module.dispose();
    expect(gpu.device.memory().liveBuffers).toBe(before);
  });
});
