// Trains a recipe twice, once undisturbed and once killed at random moments, and compares what they end with.
//
//   node scripts/kill-test.mjs --out FOLDER [--kills 10] [--seed 0] [--signal KILL] -- --recipe FILE --model.from DIR ...
//
// What follows `--` goes to `foretoken train`. Moments are drawn over the whole run: half of them where a step has been
// logged, half some time after a start, so that loading, warming up, evaluating and saving are hit too. Exits with 1
// where any bit differs: of checkpoints, of the model, of adapters, of the losses in the log.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const program = fileURLToPath(new URL('../apps/cli/dist/main.js', import.meta.url));

const border = process.argv.indexOf('--', 2);
const { values } = parseArgs({
  args: process.argv.slice(2, border < 0 ? undefined : border),
  options: {
    out: { type: 'string' },
    kills: { type: 'string', default: '10' },
    seed: { type: 'string', default: '0' },
    /** KILL; or TERM, INT, HUP, on which a checkpoint is saved first; or `any` of them in turn. */
    signal: { type: 'string', default: 'KILL' },
  },
});
if (values.out === undefined || border < 0) {
  console.error(
    'usage: node scripts/kill-test.mjs --out FOLDER [--kills 10] [--seed 0] [--signal KILL|TERM|INT|HUP|any] -- TRAIN-FLAGS',
  );
  process.exit(1);
}
const train = process.argv.slice(border + 1);

/** Numbers in [0, 1) by a seed (mulberry32): the moments of a test can be tried again. */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
const random = randomNumbers(Number(values.seed));

const start = (folder) =>
  spawn(process.execPath, [program, 'train', ...train, '--out', folder, '--no-tensorboard'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });

/** Waits for a process, and gives what it said where it failed. */
function ended(child) {
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, said })));
}

function events(folder) {
  const path = join(folder, 'metrics.jsonl');
  if (!existsSync(path)) return [];
  // The last line may be one that a kill has cut off.
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

const lastStep = (folder) => events(folder).at(-1)?.step ?? 0;

/** Tensors and figures of a finished run, hashed, by the names of the files. */
function outcome(folder) {
  const hashes = new Map();
  const put = (name, bytes) => hashes.set(name, createHash('sha256').update(bytes).digest('hex'));
  for (const part of ['checkpoints', 'model', 'adapter']) {
    const path = join(folder, part);
    if (!existsSync(path)) continue;
    for (const name of readdirSync(path, { recursive: true })) {
      const file = join(path, name);
      if (!statSync(file).isFile()) continue;
      const bytes = readFileSync(file);
      // A checkpoint names its progress, times among it, in its header.
      put(relative(folder, file), part === 'checkpoints' ? dataOf(bytes) : bytes);
    }
  }
  const figures = events(folder).map(({ type, step, loss, parts, gradientNorm, validationLoss, scores }) => [
    ...[type, step, loss, parts, gradientNorm, validationLoss, scores],
  ]);
  put('losses of metrics.jsonl', JSON.stringify(figures));
  return hashes;
}

/** The data of a safetensors file, behind its header. */
const dataOf = (bytes) => bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)));

async function undisturbed(folder) {
  const begun = Date.now();
  const { code, said } = await ended(start(folder));
  if (code !== 0) throw new Error(`the undisturbed run failed: ${said.trim().split('\n').at(-1)}`);
  return { seconds: (Date.now() - begun) / 1000, steps: lastStep(folder) };
}

const ALL_SIGNALS = ['KILL', 'TERM', 'HUP', 'INT'];

/** Starts the run, and kills it at one moment; true where it had ended before. */
async function killedOnce(folder, moment) {
  const child = start(folder);
  const end = ended(child);
  let over = false;
  end.then(() => {
    over = true;
  });
  while (!over && lastStep(folder) < moment.step) await pause(5);
  await Promise.race([end, pause(moment.milliseconds)]);
  child.kill(`SIG${moment.signal}`);
  const { code, said } = await end;
  // Those that hear a signal end with 128 and its number.
  if (code !== null && code !== 0 && code < 128)
    throw new Error(`a resumed run failed: ${said.trim().split('\n').at(-1)}`);
  return code === 0;
}

const [whole, pieces] = ['whole', 'killed'].map((name) => join(values.out, name));
for (const folder of [whole, pieces]) rmSync(folder, { recursive: true, force: true });
const { seconds, steps } = await undisturbed(whole);
console.log(`undisturbed: ${steps} steps, ${seconds.toFixed(1)} s`);
const kills = Number(values.kills);
for (let kill = 0; kill < kills; kill++) {
  const byStep = kill % 2 === 0;
  // Of what is left, so that the kills lie all over the run.
  const ahead = (steps - lastStep(pieces)) / (kills - kill);
  const moment = {
    signal: values.signal === 'any' ? ALL_SIGNALS[kill % ALL_SIGNALS.length] : values.signal,
    step: byStep ? Math.floor(lastStep(pieces) + 2 * random() * ahead) : 0,
    milliseconds: Math.floor(random() * (byStep ? 300 : (seconds / kills) * 1000)),
  };
  const done = await killedOnce(pieces, moment);
  console.log(
    done
      ? `kill ${kill + 1}: the run had ended`
      : `kill ${kill + 1} (${moment.signal}): ${moment.milliseconds} ms after ${byStep ? `step ${moment.step}` : 'a start'}; the log is at step ${lastStep(pieces)}`,
  );
}
const last = await ended(start(pieces));
if (last.code !== 0) throw new Error(`the last run failed: ${last.said.trim().split('\n').at(-1)}`);
const [expected, found] = [outcome(whole), outcome(pieces)];
const different = [...new Set([...expected.keys(), ...found.keys()])].filter(
  (name) => expected.get(name) !== found.get(name),
);
for (const name of different) console.log(`differs: ${name}`);
console.log(
  different.length === 0
    ? `the same bits after ${kills} kills: ${[...expected.keys()].join(', ')}`
    : 'NOT the same.',
);
process.exit(different.length === 0 ? 0 : 1);
