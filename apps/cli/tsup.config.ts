import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/main.ts'],
  format: ['esm'],
  target: 'es2023',
  banner: { js: '#!/usr/bin/env node' },
  clean: true,
  sourcemap: true,
});
