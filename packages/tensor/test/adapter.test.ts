import { describe, expect, it } from 'vitest';
import { describeAdapter } from '../src/runtime/adapter.js';

describe('describeAdapter', () => {
  it.each([
    ['mesa', 'software', 'llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)', 'software'],
    ['google', 'swiftshader', 'SwiftShader Device', 'software'],
    ['intel', 'gen-12lp', 'Intel(R) Iris(R) Xe Graphics', 'integrated'],
    ['intel', 'xe-2hpg', 'Intel(R) Arc(TM) B580 Graphics', 'discrete'],
    ['apple', 'metal-3', 'Apple M3', 'integrated'],
    ['qualcomm', 'adreno-7xx', '', 'integrated'],
    ['nvidia', 'lovelace', 'NVIDIA GeForce RTX 4090', 'discrete'],
    ['amd', 'rdna-3', 'AMD Radeon RX 7900 XTX', 'discrete'],
    ['', '', '', 'discrete'],
  ])('takes %s %s "%s" for %s', (vendor, architecture, description, adapterClass) => {
    const info = { vendor, architecture, description, device: '' } as GPUAdapterInfo;
    expect(describeAdapter(info)).toMatchObject({ adapterClass, software: adapterClass === 'software' });
  });
});
