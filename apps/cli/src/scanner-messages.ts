import { didYouMean, quote } from '@foretoken/input';
import { ArgumentScannerError, formatMessageForArgumentScannerError } from '@stricli/core';
import { VALUE } from './flags.js';

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Names of flags have no dash before them, those of arguments neither: which of both it is. */
const named = (name: string, flags: readonly string[]): string =>
  flags.includes(camel(name)) ? `--${name}` : name;

const camel = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/**
 * What the argument parser found wrong, in one line that names the flag.
 *
 * @param flags - names of all flags
 * @param settings - further names that can be given as flags
 */
export function scannerMessage(
  error: unknown,
  flags: readonly string[],
  settings: readonly string[],
): string {
  if (!(error instanceof ArgumentScannerError)) return messageOf(error);
  return formatMessageForArgumentScannerError(error, {
    FlagNotFoundError: ({ input, corrections }) =>
      `there is no flag ${quote(`--${input}`)}.${didYouMean(
        `--${input}`,
        [...corrections, ...settings, ...flags].map((name) => `--${name}`),
      )}`,
    AliasNotFoundError: ({ input }) => `there is no flag ${quote(`-${input}`)}.`,
    ArgumentParseError: ({ externalFlagNameOrPlaceholder, exception }) => {
      const name = named(externalFlagNameOrPlaceholder, flags);
      const message = messageOf(exception).replace(new RegExp(`^${VALUE}: `), '');
      return message.startsWith(`${name}`) ? message : `${name}: ${message}`;
    },
    EnumValidationError: ({ externalFlagName, input, values }) =>
      `--${externalFlagName}: expected one of ${values.join(', ')}, got ${quote(input)}.${didYouMean(input, values)}`,
    UnsatisfiedFlagError: ({ externalFlagName }) => `--${externalFlagName}: expected a value.`,
    UnsatisfiedPositionalError: ({ placeholder }) => `expected an argument: ${placeholder}.`,
    UnexpectedPositionalError: ({ input }) => `${quote(input)}: there is no such argument here; see --help.`,
    UnexpectedFlagError: ({ externalFlagName, previousInput, input }) =>
      `--${externalFlagName}: given twice, ${quote(previousInput)} and ${quote(input)}.`,
    InvalidNegatedFlagSyntaxError: ({ externalFlagName, valueText }) =>
      `--${externalFlagName}: takes no value, got ${quote(valueText)}.`,
  });
}
