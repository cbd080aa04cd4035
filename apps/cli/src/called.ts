import { basename } from 'node:path';

/** How this program was started, so that what a message says to type works where it is read. */
export function programName(argv: readonly string[] = process.argv, env = process.env): string {
  // Installed, the program goes by its name; in a clone of the repository it is a script of the workspace.
  if (!/^foretoken(\.\w+)?$/.test(basename(argv[1] ?? ''))) return 'npm run foretoken --';
  return env['npm_command'] === 'exec' ? 'npx foretoken' : 'foretoken';
}

/** A text in which commands are quoted as `"foretoken train"`, with what has to be typed here instead. */
export const asCalled = (text: string, name = programName()): string =>
  name === 'foretoken' ? text : text.replace(/"foretoken (?=[a-z])/g, `"${name} `);

/** The same for the lines of usage in help. */
export const usageAsCalled = (help: string, name = programName()): string =>
  asCalled(help, name).replace(/^ {2}foretoken /gm, `  ${name} `);
