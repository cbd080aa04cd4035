// Runs the first TypeScript example of each package's README against what was built.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root, run, say } from './run.mjs';

const ts = createRequire(join(root, 'package.json'))('typescript');
const MAX_LINES = 10;

let failures = 0;
const refuse = (name, problem) => {
  say(`${name}: ${problem}`);
  failures++;
};
for (const name of readdirSync(join(root, 'packages'))) {
  const folder = join(root, 'packages', name);
  const example = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(folder, 'README.md'), 'utf8'))?.[1];
  if (example === undefined) {
    refuse(name, 'the README has no TypeScript example.');
    continue;
  }
  const lines = example
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '').length;
  if (lines > MAX_LINES) refuse(name, `the quickstart has ${lines} lines, more than ${MAX_LINES}.`);
  const { outputText } = ts.transpileModule(example, {
    compilerOptions: { module: 'ESNext', target: 'ES2023' },
  });
  // Inside the package, so that it resolves itself and its dependencies by name; not below node_modules, where Node
  // does not let a package name itself.
  const scratch = mkdtempSync(join(folder, '.quickstart-'));
  const file = join(scratch, 'quickstart.mjs');
  writeFileSync(file, `${outputText}\nprocess.exit(0);\n`);
  const status = run(process.execPath, [file], { cwd: scratch });
  rmSync(scratch, { recursive: true });
  if (status === 0) say(`${name}: ok`);
  else refuse(name, `the quickstart ended with status ${status}.`);
}
process.exit(failures === 0 ? 0 : 1);
