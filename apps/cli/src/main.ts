import { buildApplication, buildRouteMap, run, text_en } from '@stricli/core';
import { ForetokenError } from '@foretoken/tensor';
import { compareCommand } from './commands/compare.js';
import { doctorCommand } from './commands/doctor.js';
import { objectivesCommand, recipesCommand } from './commands/lists.js';
import { reportCommand } from './commands/report.js';
import { runCell } from './commands/run-cell.js';
import { trainCommand } from './commands/train.js';
import { Interrupted } from './errors.js';
import { settingFlags } from './settings.js';

const EXIT = { error: 1, interrupted: 130 } as const;

const routes = buildRouteMap({
  routes: {
    compare: compareCommand,
    train: trainCommand,
    report: reportCommand,
    doctor: doctorCommand,
    recipes: recipesCommand,
    objectives: objectivesCommand,
  },
  docs: { brief: 'Train and compare objectives that look further ahead than the next token' },
});

let failure: unknown;

const application = buildApplication(routes, {
  name: 'foretoken',
  scanner: { caseStyle: 'allow-kebab-for-camel' },
  documentation: { useAliasInUsageLine: false },
  localization: {
    loadText: () => ({
      ...text_en,
      // What went wrong is told below, in one line.
      exceptionWhileParsingArguments: (error) => messageOf(error),
      exceptionWhileRunningCommand: (error) => {
        failure = error;
        return error instanceof Interrupted ? 'Stopped. The same command goes on from the checkpoint.' : messageOf(error);
      },
    }),
  },
});

/** One line for a mistake of the user's; everything for one of ours. */
function messageOf(error: unknown): string {
  if (error instanceof ForetokenError) return error.message;
  if (error instanceof Error && (error as NodeJS.ErrnoException).code !== undefined) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args[0] === 'run-cell') return runCell();
  await run(application, settingFlags(args), { process });
}

try {
  await main();
} catch (error) {
  failure = error;
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = EXIT.error;
}
if (failure instanceof Interrupted) process.exitCode = EXIT.interrupted;
// Anything but success is 1, whatever the argument parser thinks of it.
else if (process.exitCode !== undefined && process.exitCode !== 0) process.exitCode = EXIT.error;
// Dawn may keep threads alive that nobody waits for.
process.exit();
