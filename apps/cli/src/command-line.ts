import { programName } from './called.js';

/** A command line as it would have to be typed; that of this process where none is given. */
export function commandLine(args: readonly string[] = process.argv.slice(2)): string {
  const quoted = args.map((arg) => (/^[\w./=,:@+-]+$/.test(arg) ? arg : JSON.stringify(arg)));
  return [programName(), ...quoted].join(' ');
}
