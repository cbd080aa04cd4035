#!/usr/bin/env node
// Compares one training step of Foretoken with its peers, in turns, and checks that all compute the same losses.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { conditions, loadNow } from './lib/conditions.mjs';
import { chooseContestants } from './lib/contestants.mjs';
import { compareLosses } from './lib/losses.mjs';
import { makeProblem } from './lib/problem.mjs';
import { markdown } from './lib/report.mjs';
import { runContestant } from './lib/run-contestant.mjs';
import { chooseSizes, tokensPerStep } from './lib/sizes.mjs';
import { speedRatio, summarize } from './lib/statistics.mjs';

const USAGE = `node compare.mjs [--sizes S,M] [--rounds 3] [--contestants a,b,...] [--out FILE.md]
  [--seconds 5] [--updates 20] [--timeout 600]
  [--layers N] [--width N] [--heads N] [--vocab N] [--context N] [--batch N]   another size, from the first of --sizes`;

/** Updates of a turn that need not reach the loss that is compared. */
const SHORT = 4;

function readOptions() {
  const text = (value) => ({ type: 'string', ...(value === undefined ? {} : { default: value }) });
  const { values } = parseArgs({
    options: {
      sizes: text('S,M'),
      rounds: text('3'),
      contestants: text(),
      out: text(),
      seconds: text('5'),
      updates: text('20'),
      timeout: text('600'),
      help: { type: 'boolean' },
      ...Object.fromEntries(
        ['layers', 'width', 'heads', 'vocab', 'context', 'batch'].map((field) => [field, text()]),
      ),
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const number = (name) => {
    const value = Number(values[name]);
    if (!(value > 0)) throw new Error(`--${name}: expected a number above 0, got ${values[name]}.`);
    return value;
  };
  return {
    sizes: chooseSizes(values.sizes.split(','), values),
    contestants: chooseContestants(values.contestants?.split(',')),
    rounds: number('rounds'),
    seconds: number('seconds'),
    updates: number('updates'),
    timeoutSeconds: number('timeout'),
    out:
      values.out ?? join('runs', `compare-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.md`),
  };
}

/** Files of this folder and of the packages that must be there. */
async function loadWriter() {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  if (!existsSync(join(folder, 'node_modules')))
    throw new Error('Run `npm ci` in the folder benchmarks first.');
  if (!existsSync(join(folder, '../packages/models/dist/index.js'))) {
    throw new Error(
      'Foretoken has not been built. Run `npm start -- --steps 1` or `turbo run build` at the root first.',
    );
  }
  return (await import('../packages/nn/dist/index.js')).writeSafetensors;
}

/** All turns of one size: the results by contestant and round. */
async function takeTurns(size, problem, folder, options, loads) {
  const results = new Map(options.contestants.map(({ id }) => [id, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const contestant of options.contestants) {
      loads.push(loadNow());
      const long = round === 0 && !contestant.short;
      const result = await runContestant(contestant, {
        problem,
        updates: long ? options.updates : Math.min(SHORT, options.updates),
        seconds: options.seconds,
        timeoutSeconds: options.timeoutSeconds,
        cache: join(folder, `cache-${contestant.id}-${size.name}`),
      });
      results.get(contestant.id).push(result);
      const rate =
        result.error ?? `${Math.round(summarize([result], tokensPerStep(size)).tokensPerSecond)} tokens/s`;
      console.error(`${size.name}, round ${round + 1}, ${contestant.title}: ${rate}`);
    }
  }
  return results;
}

function evaluate(size, results, contestants) {
  const ours = results.get('foretoken');
  const firstTurns = [...results].map(([id, [first]]) => [id, first.losses]).filter(([, losses]) => losses);
  const losses = new Map(firstTurns);
  const reference = losses.has('pytorch') ? 'pytorch' : firstTurns[0]?.[0];
  return {
    size,
    reference,
    losses: reference === undefined ? [] : compareLosses(losses, reference),
    contestants: contestants.map(({ id, title }) => {
      const rounds = results.get(id);
      const errors = rounds.flatMap(({ error }) => error ?? []);
      const summary = summarize(rounds, tokensPerStep(size));
      return { id, title, summary, errors, ratio: ours && speedRatio(ours, rounds), rounds };
    }),
  };
}

async function main() {
  const options = readOptions();
  const writeSafetensors = await loadWriter();
  const folder = mkdtempSync(join(tmpdir(), 'foretoken-benchmarks-'));
  const before = conditions();
  const loads = [];
  const sizes = [];
  try {
    for (const size of options.sizes) {
      const problem = join(folder, `${size.name}.safetensors`);
      writeFileSync(problem, writeSafetensors(makeProblem(size), { size: JSON.stringify(size) }));
      const results = await takeTurns(size, problem, folder, options, loads);
      sizes.push(evaluate(size, results, options.contestants));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const turns = sizes.flatMap(({ contestants }) => contestants.flatMap(({ rounds }) => rounds));
  const report = {
    conditions: { ...before, loads: { min: Math.min(...loads), max: Math.max(...loads) } },
    versions: [...new Set(turns.flatMap(({ name, version }) => (name ? `${name} ${version}` : [])))],
    adapter: turns.find(({ adapter }) => adapter)?.adapter,
    rounds: options.rounds,
    sizes,
    disagreements: sizes.flatMap(({ size, losses }) =>
      losses.filter(({ agrees }) => !agrees).map(({ id }) => `${id} at size ${size.name}`),
    ),
  };
  write(report, options.out);
  if (report.disagreements.length > 0 || turns.some(({ error }) => error !== undefined)) process.exitCode = 1;
}

function write(report, out) {
  const text = markdown(report);
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, text);
  writeFileSync(`${out.replace(/\.md$/, '')}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
  console.log(text);
}

main().catch((error) => {
  console.error(error instanceof TypeError ? error : error.message);
  process.exit(1);
});
