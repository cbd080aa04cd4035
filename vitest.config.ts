import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

// Tests run on the sources, so that no build is needed first.
const sources = readdirSync(path('packages')).map((name) => ({
  find: `@foretoken/${name}`,
  replacement: path(`packages/${name}/src/index.ts`),
}));

/** Data sets for the tests that use them when they are at hand. */
const data = process.env['FORETOKEN_DATA'] ?? path('../shared/data');

export default defineConfig({
  resolve: {
    alias: [
      // An alias stands for all paths below it, so further entries of a package come first.
      { find: '@foretoken/input/node', replacement: path('packages/input/src/node/index.ts') },
      { find: '@foretoken/data/node', replacement: path('packages/data/src/node/index.ts') },
      { find: '@foretoken/models/node', replacement: path('packages/models/src/node/index.ts') },
      ...sources,
      { find: '#gpu', replacement: path('packages/tensor/src/runtime/gpu.node.ts') },
      { find: '#time-limit', replacement: path('packages/input/src/time-limit.node.ts') },
    ],
  },
  test: {
    env: existsSync(data) ? { FORETOKEN_DATA: data } : {},
    include: ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'scripts/test/**/*.test.mjs'],
    // There is one GPU, which may be a software adapter on two cores.
    fileParallelism: false,
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
