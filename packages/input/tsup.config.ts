import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    node: 'src/node/index.ts',
    'time-limit.node': 'src/time-limit.node.ts',
    'time-limit.browser': 'src/time-limit.browser.ts',
  },
  format: ['esm'],
  target: 'es2023',
  // Types are built before `dist` exists, so that the import map of package.json cannot lead to them.
  dts: {
    entry: { index: 'src/index.ts', node: 'src/node/index.ts' },
    compilerOptions: { paths: { '#time-limit': ['./src/time-limit.node.ts'] } },
  },
  external: ['#time-limit'],
  clean: true,
  sourcemap: true,
});
