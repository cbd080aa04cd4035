import {
  ArgumentScannerError,
  buildApplication,
  buildRouteMap,
  formatMessageForArgumentScannerError,
  run,
  type StricliProcess,
  text_en,
} from '@stricli/core';
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
import { tokenizerRoutes } from './commands/tokenizer/index.js';
import { trainCommand } from './commands/train.js';
import { tuneCommand } from './commands/tune.js';
import { UsageError } from './errors.js';
import { settingFlags } from './settings.js';

const routes = buildRouteMap({
  routes: {
    compare: compareCommand,
    train: trainCommand,
    tokenizer: tokenizerRoutes,
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

/** What the argument parser found wrong, in its words or in ours. */
function problemOf(error: unknown): string {
  if (!(error instanceof ArgumentScannerError)) return error instanceof Error ? error.message : String(error);
  return formatMessageForArgumentScannerError(error, {});
}

/**
 * Runs one command.
 *
 * @returns the exit code: 0, or 1 where a command has told what is wrong itself
 * @throws whatever ends a command early; UsageError for a command line that makes no sense
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  if (args[0] === 'run-cell') {
    await runCell();
    return 0;
  }
  const problems: string[] = [];
  let failure: { readonly error: unknown } | undefined;
  const application = buildApplication(routes, {
    name: 'foretoken',
    scanner: { caseStyle: 'allow-kebab-for-camel' },
    documentation: { useAliasInUsageLine: false },
    localization: {
      text: {
        ...text_en,
        exceptionWhileParsingArguments: problemOf,
        exceptionWhileRunningCommand: (error) => {
          failure = { error };
          return '';
        },
      },
    },
  });
  const outcome: StricliProcess = {
    stdout: process.stdout,
    // Each problem is a line of its own; the first is enough.
    stderr: { write: (text) => void problems.push(text.trim()) },
    env: process.env as Record<string, string>,
    exitCode: null,
  };
  await run(application, shortFlags(settingFlags(args)), { process: outcome });
  if (failure !== undefined) throw failure.error;
  const [problem] = problems;
  if (problem !== undefined) throw new UsageError(problem);
  return outcome.exitCode || process.exitCode ? 1 : 0;
}
