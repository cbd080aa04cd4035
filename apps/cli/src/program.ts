import { readFileSync } from 'node:fs';
import { didYouMean, quote } from '@foretoken/input';
import {
  type Application,
  buildApplication,
  buildRouteMap,
  type CommandContext,
  run,
  type StricliProcess,
  text_en,
} from '@stricli/core';
import { usageAsCalled } from './called.js';
import { benchRoutes } from './commands/bench/index.js';
import { compareCommand } from './commands/compare.js';
import { completionCommand } from './commands/completion.js';
import { dataRoutes } from './commands/data/index.js';
import { doctorCommand } from './commands/doctor.js';
import { evaluateCommand } from './commands/evaluate.js';
import { generateCommand } from './commands/generate.js';
import { imagesRoutes } from './commands/images/index.js';
import { objectivesCommand, recipesCommand, studiesCommand } from './commands/lists.js';
import { plotCommand } from './commands/plot.js';
import { reportCommand } from './commands/report.js';
import { runCell } from './commands/run-cell.js';
import { runsCommand } from './commands/runs.js';
import { tokenizerRoutes } from './commands/tokenizer/index.js';
import { trainCommand } from './commands/train.js';
import { tuneCommand } from './commands/tune.js';
import { completions } from './completions.js';
import { UsageError } from './errors.js';
import { layOutHelp } from './help-text.js';
import { flagNames } from './routes.js';
import { scannerMessage } from './scanner-messages.js';
import { settingFlags, settingNames } from './settings.js';

const commands = {
  compare: compareCommand,
  train: trainCommand,
  tokenizer: tokenizerRoutes,
  evaluate: evaluateCommand,
  generate: generateCommand,
  images: imagesRoutes,
  data: dataRoutes,
  report: reportCommand,
  runs: runsCommand,
  plot: plotCommand,
  doctor: doctorCommand,
  recipes: recipesCommand,
  studies: studiesCommand,
  objectives: objectivesCommand,
  bench: benchRoutes,
  tune: tuneCommand,
  completion: completionCommand,
};

const routes = buildRouteMap({
  routes: commands,
  docs: {
    brief: 'Train and compare objectives that look further ahead than the next token',
    fullDescription:
      'Train and compare objectives that look further ahead than the next token. "help COMMAND" tells more.',
  },
});

const version = (): string => {
  const manifest = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
};

/** `--m` as `-m`: the argument parser knows flags of one letter only behind one dash. */
const shortFlags = (args: readonly string[]): string[] =>
  args.map((arg) => (/^--[a-z](=|$)/.test(arg) ? arg.slice(1) : arg));

const FLAG = /^--[A-Za-z][\w.-]*(=|$)/;

/**
 * `--out=` as `--out` with nothing behind it, which its parser then tells.
 *
 * @throws UsageError for what only begins like a flag
 */
function plainFlags(args: readonly string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const flags = args.slice(0, end).flatMap((arg, at) => {
    if (/^--[A-Za-z][\w.-]*=$/.test(arg)) return [arg.slice(0, -1), ''];
    // Behind a flag it may be a text.
    const isValue = at > 0 && /^--[^=]*$/.test(args[at - 1] as string);
    if (arg.startsWith('--') && !FLAG.test(arg) && !isValue)
      throw new UsageError(`there is no flag ${quote(arg)}.`);
    return [arg];
  });
  return [...flags, ...args.slice(end)];
}

/** `help train` as `train --help`; what pnpm puts before the first argument is left out. */
function withHelpFlag(args: readonly string[]): readonly string[] {
  const [first, ...rest] = args[0] === '--' ? args.slice(1) : args;
  if (first === undefined) return [];
  return first === 'help' ? [...rest, '--help'] : [first, ...rest];
}

/** What one run of the argument parser ended with, but for the exit code. */
interface Heard {
  readonly problems: string[];
  failure?: { readonly error: unknown };
}

function applicationFor(args: readonly string[], heard: Heard): Application<CommandContext> {
  const flags = flagNames(routes, args);
  return buildApplication(routes, {
    name: 'foretoken',
    versionInfo: { currentVersion: version() },
    scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
    documentation: { useAliasInUsageLine: false, disableAnsiColor: true },
    localization: {
      text: {
        ...text_en,
        noCommandRegisteredForInput: ({ input, corrections }) => {
          const names = [...corrections.map((name) => name.replaceAll('`', '')), ...Object.keys(commands)];
          return `there is no command ${quote(input)}.${didYouMean(input, names) || ' "help" lists those that there are.'}`;
        },
        exceptionWhileParsingArguments: (error) => scannerMessage(error, flags, settingNames(args)),
        exceptionWhileRunningCommand: (error) => {
          heard.failure = { error };
          return '';
        },
      },
    },
  });
}

/**
 * Runs one command.
 *
 * @returns the exit code: 0, or 1 where a command has told what is wrong itself
 * @throws whatever ends a command early; UsageError for a command line that makes no sense
 */
export async function runProgram(given: readonly string[]): Promise<number> {
  if (given[0] === 'run-cell') {
    await runCell();
    return 0;
  }
  const args = plainFlags(withHelpFlag(given));
  const heard: Heard = { problems: [] };
  const application = applicationFor(args, heard);
  const outcome: StricliProcess = {
    // Help, and nothing else: commands print by themselves.
    stdout: { write: (text) => void process.stdout.write(layOutHelp(usageAsCalled(text))) },
    // Each problem is a line of its own; the first is enough.
    stderr: { write: (text) => void heard.problems.push(text.trim()) },
    env: process.env as Record<string, string>,
    exitCode: null,
  };
  if (given[0] === 'complete-words') {
    const words = await completions(application, given.slice(1), { process: outcome });
    process.stdout.write(words.map((word) => `${word}\n`).join(''));
    return 0;
  }
  await run(application, shortFlags(settingFlags(args)), { process: outcome });
  if (heard.failure !== undefined) throw heard.failure.error;
  const [problem] = heard.problems;
  if (problem !== undefined) throw new UsageError(problem);
  return outcome.exitCode || process.exitCode ? 1 : 0;
}
