// npm start: sets everything up, then runs the main job. Flags go to `foretoken compare`.
import { join } from 'node:path';
import { become, root } from './run.mjs';
import { setUp } from './setup.mjs';

setUp();
become(join(root, 'apps/cli/dist/main.js'), ['compare', ...process.argv.slice(2)]);
