import type { Command, CommandContext, RouteMap } from '@stricli/core';

type Target = Command<CommandContext> | RouteMap<CommandContext>;

const isCommand = (target: Target): target is Command<CommandContext> => 'parameters' in target;

/** The flags of the command that a command line names; none where it names none. */
export function flagNames(root: RouteMap<CommandContext>, args: readonly string[]): string[] {
  let target: Target = root;
  for (const arg of args) {
    if (isCommand(target)) break;
    const next: Target | undefined = target.getAllEntries().find(({ name }) => name.original === arg)?.target;
    if (next === undefined) return [];
    target = next;
  }
  return isCommand(target) ? Object.keys(target.parameters.flags ?? {}) : [];
}
