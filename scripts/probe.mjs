// Asks for a WebGPU adapter in a process of its own, since a bad driver can take the process down.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { root } from './run.mjs';

const require = createRequire(`${root}packages/tensor/package.json`);
const { create } = await import(pathToFileURL(require.resolve('webgpu')).href);
const adapter = await create([]).requestAdapter();
if (!adapter) process.exit(3);
const { vendor, architecture, description, device } = adapter.info;
const name = description || device || 'unnamed adapter';
const software = /llvmpipe|lavapipe|swiftshader|software|basic render/i.test(
  `${name} ${architecture} ${device} ${vendor}`,
);
process.stdout.write(JSON.stringify({ name, software }));
// Dawn may still hold threads; there is nothing to wait for.
process.exit(0);
