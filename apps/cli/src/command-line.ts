import { programName } from './called.js';

/** The command line as it would have to be typed again. */
export function commandLine(): string {
  const quoted = process.argv
    .slice(2)
    .map((arg) => (/^[\w./=,:@+-]+$/.test(arg) ? arg : JSON.stringify(arg)));
  return [programName(), ...quoted].join(' ');
}
