// Runs every command that README and guides show, briefly and in their order, in this clone. Needs what they need: a data
// folder with the data sets that they name (FORETOKEN_DATA).
//
//   node scripts/check-guides.mjs [GUIDE ...]
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { briefly, commandsOf, filesOf, guides } from './guide-commands.mjs';
import { root, say } from './run.mjs';

const LIMIT_MILLISECONDS = 300_000;
const chosen = process.argv.slice(2);
const windows = process.platform === 'win32';

function runBriefly(line) {
  const { environment, words } = briefly(line);
  const start = performance.now();
  const { status, stdout, stderr, error } = spawnSync(words[0], words.slice(1), {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    shell: windows,
    timeout: LIMIT_MILLISECONDS,
    maxBuffer: 2 ** 28,
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const isFine = status === 0 && !/^\s+at .*:\d+:\d+\)?$/m.test(stderr);
  say(`${isFine ? 'ok    ' : 'FAILED'} ${seconds.padStart(6)} s  ${words.join(' ')}`);
  if (isFine) return true;
  say(`  as written: ${line}\n  ${error?.message ?? `status ${status}`}`);
  for (const text of `${stdout}\n${stderr}`.trim().split('\n').slice(-12)) say(`  | ${text}`);
  return false;
}

const written = [];
let [passed, failed] = [0, 0];
try {
  for (const guide of chosen.length > 0 ? chosen : guides()) {
    const text = readFileSync(join(root, guide), 'utf8');
    const commands = commandsOf(text);
    if (commands.length === 0) continue;
    say(`\n${guide}`);
    for (const { name, body } of filesOf(text)) {
      const path = join(root, name);
      if (existsSync(path)) continue;
      writeFileSync(path, body);
      written.push(path);
    }
    for (const line of commands) {
      if (runBriefly(line)) passed++;
      else failed++;
    }
  }
} finally {
  for (const path of written) rmSync(path, { force: true });
}
say(`\nCommands of the guides: ${passed} passed, ${failed} failed.`);
process.exit(failed === 0 ? 0 : 1);
