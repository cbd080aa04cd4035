import { details, explain, Interrupted } from './errors.js';
import { flushOutput, guardOutput } from './output.js';

/** Says what went wrong, whatever it is, in one line. */
function report(error: unknown): number {
  process.stderr.write(`${explain(error)}\n${details(error)}`);
  return error instanceof Interrupted ? error.exitCode : 1;
}

guardOutput();
// The last resort: whatever nobody expected, rejected promises among it.
process.on('uncaughtException', (error) => process.exit(report(error)));

async function main(): Promise<number> {
  try {
    // Loaded here, so that what cannot be loaded is told in one line, too.
    const { runProgram } = await import('./program.js');
    return await runProgram(process.argv.slice(2));
  } catch (error) {
    return report(error);
  }
}

const code = await main();
await flushOutput();
// Dawn may keep threads alive that nobody waits for.
process.exit(code || process.exitCode);
