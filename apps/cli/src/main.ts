import { DataError } from '@foretoken/data';
import { ForetokenError } from '@foretoken/tensor';
import { buildApplication, buildRouteMap, run, type StricliProcess, text_en } from '@stricli/core';
import { benchRoutes } from './commands/bench/index.js';
import { compareCommand } from './commands/compare.js';
import { dataRoutes } from './commands/data/index.js';
import { doctorCommand } from './commands/doctor.js';
import { evaluateCommand } from './commands/evaluate.js';
import { generateCommand } from './commands/generate.js';
import { imagesRoutes } from './commands/images/index.js';
import { objectivesCommand, recipesCommand, studiesCommand } from './commands/lists.js';
import { reportCommand } from './commands/report.js';
import { runCell } from './commands/run-cell.js';
import { trainCommand } from './commands/train.js';
import { tuneCommand } from './commands/tune.js';
import { Interrupted } from './errors.js';
import { settingFlags } from './settings.js';

const EXIT = { error: 1, interrupted: 130 } as const;

const routes = buildRouteMap({
  routes: {
    compare: compareCommand,
    train: trainCommand,
    evaluate: evaluateCommand,
    generate: generateCommand,
    images: imagesRoutes,
    data: dataRoutes,
    report: reportCommand,
    doctor: doctorCommand,
    recipes: recipesCommand,
    studies: studiesCommand,
    objectives: objectivesCommand,
    bench: benchRoutes,
    tune: tuneCommand,
  },
  docs: { brief: 'Train and compare objectives that look further ahead than the next token' },
});

/** `--m` as `-m`: the argument parser knows flags of one letter only behind one dash. */
const shortFlags = (args: readonly string[]): string[] =>
  args.map((arg) => (/^--[a-z](=|$)/.test(arg) ? arg.slice(1) : arg));

let failure: unknown;

const application = buildApplication(routes, {
  name: 'foretoken',
  scanner: { caseStyle: 'allow-kebab-for-camel' },
  documentation: { useAliasInUsageLine: false },
  localization: {
    loadText: () => ({
      ...text_en,
      // What went wrong is told below, in one line.
      exceptionWhileParsingArguments: (error) => (error instanceof Error ? error.message : String(error)),
      exceptionWhileRunningCommand: (error) => {
        failure = error;
        return error instanceof Interrupted
          ? 'Stopped. The same command goes on from the checkpoint.'
          : messageOf(error);
      },
    }),
  },
});

/** One line for a mistake of the user's; everything for one of ours. */
function messageOf(error: unknown): string {
  if (error instanceof ForetokenError || error instanceof DataError) return error.message;
  if (error instanceof Error && (error as NodeJS.ErrnoException).code !== undefined) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  try {
    if (args[0] === 'run-cell') {
      await runCell();
      return 0;
    }
    // Anything but success is 1 to the caller, whatever finer codes the argument parser has.
    const { stdout, stderr, env } = process;
    const outcome: StricliProcess = { stdout, stderr, env: env as Record<string, string>, exitCode: null };
    await run(application, shortFlags(settingFlags(args)), { process: outcome });
    if (failure instanceof Interrupted) return EXIT.interrupted;
    return outcome.exitCode || process.exitCode ? EXIT.error : 0;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return error instanceof Interrupted ? EXIT.interrupted : EXIT.error;
  }
}

// Dawn may keep threads alive that nobody waits for.
process.exit(await main());
