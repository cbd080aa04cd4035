import { existsSync, readdirSync, readFileSync } from 'node:fs';
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

/** Tests that open a device, or run the program, which does. */
const NEEDS_DEVICE =
  /\b(openDevice|deviceThatClaims)\b|support\/device|\/program\.js|dist\/main\.js|\.quickstart-/;

const testFolders = ['packages', 'apps']
  .flatMap((group) => readdirSync(path(group)).map((name) => `${group}/${name}/test`))
  .concat('scripts/test')
  .filter((folder) => existsSync(path(folder)));
const files = testFolders.flatMap((folder) =>
  readdirSync(path(folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.test\.(ts|mjs)$/.test(name))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`),
);
const gpu = files.filter((file) => NEEDS_DEVICE.test(readFileSync(path(file), 'utf8')));
const unit = files.filter((file) => !gpu.includes(file));

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
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      { extends: true, test: { name: 'unit', include: unit, isolate: false, sequence: { groupOrder: 0 } } },
      {
        extends: true,
        // A software adapter makes machine code on one thread, so two files at a time take little more time than one.
        test: { name: 'gpu', include: gpu, maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
