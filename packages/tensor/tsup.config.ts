import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'gpu.node': 'src/runtime/gpu.node.ts',
    'gpu.browser': 'src/runtime/gpu.browser.ts',
  },
  format: ['esm'],
  target: 'es2023',
  dts: { entry: { index: 'src/index.ts' } },
  external: ['#gpu'],
  clean: true,
  sourcemap: true,
});
