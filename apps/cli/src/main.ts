import { details, explain, explainLoading, Interrupted } from './errors.js';
import { flushOutput, guardOutput, tell } from './output.js';

/** Says what went wrong, whatever it is, in one line. */
function report(error: unknown): number {
  process.stderr.write(`${explain(error)}\n${details(error)}`);
  return error instanceof Interrupted ? error.exitCode : 1;
}

guardOutput();
// The last resort: whatever nobody expected, rejected promises among it.
process.on('uncaughtException', (error) => process.exit(report(error)));

/** Loaded here, so that what cannot be loaded is told in one line, too. */
async function load(): Promise<typeof import('./program.js') | undefined> {
  try {
    return await import('./program.js');
  } catch (error) {
    tell(`${explainLoading(error)}\n${details(error)}`.trimEnd());
    return undefined;
  }
}

async function main(): Promise<number> {
  const program = await load();
  if (program === undefined) return 1;
  try {
    return await program.runProgram(process.argv.slice(2));
  } catch (error) {
    return report(error);
  }
}

const code = await main();
await flushOutput();
// Dawn may keep threads alive that nobody waits for.
process.exit(code || process.exitCode);
