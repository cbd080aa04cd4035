// Asks for a WebGPU adapter in a process of its own, since a bad driver can take the process down.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { root } from './run.mjs';

const engine = createRequire(`${root}packages/tensor/package.json`);
const { create } = await import(pathToFileURL(engine.resolve('webgpu')).href);
const adapter = await create([]).requestAdapter();
if (!adapter) process.exit(3);
const { vendor, architecture, description, device } = adapter.info;
const names = `${vendor} ${architecture} ${device} ${description}`;
const software = /llvmpipe|lavapipe|swiftshader|software|basic render|warp/i.test(names);
process.stdout.write(JSON.stringify({ name: description || device || 'unnamed adapter', software }));
// Dawn may still hold threads; there is nothing to wait for.
process.exit(0);
