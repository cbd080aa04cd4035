// npm start: sets everything up, then runs the main job. Flags go to `foretoken compare`.
import { pathToFileURL } from 'node:url';
import { root } from './run.mjs';
import { setUp } from './setup.mjs';

setUp();
// In this process, so that signals and exit codes are the program's own.
const program = `${root}apps/cli/dist/main.js`;
process.argv = [process.execPath, program, 'compare', ...process.argv.slice(2)];
await import(pathToFileURL(program).href);
