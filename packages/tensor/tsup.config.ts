import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    'gpu.node': 'src/runtime/gpu.node.ts',
    'gpu.browser': 'src/runtime/gpu.browser.ts',
  },
  format: ['esm'],
  target: 'es2023',
  // Types are built before `dist` exists, so that the import map of package.json cannot lead to them.
  dts: {
    entry: { index: 'src/index.ts' },
    compilerOptions: { paths: { '#gpu': ['./src/runtime/gpu.node.ts'] } },
  },
  external: ['#gpu'],
  clean: true,
  sourcemap: true,
});
