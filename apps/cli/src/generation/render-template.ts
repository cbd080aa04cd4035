import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { UsageError } from '../errors.js';

const require = createRequire(import.meta.url);

/** Seconds that a template may take, and for each conversation: those of models take a few milliseconds. */
const [SECONDS, SECONDS_EACH] = [4, 0.01];
const MEBIBYTES = 128;
/** Characters of rendered conversations: more than any context has. */
const MOST_CHARACTERS = 2 ** 24;

/** What the process does, as text: it needs no file of its own. */
const PROGRAM = `
const { readFileSync, writeSync } = require('node:fs');
const { library, text, inputs, most } = JSON.parse(readFileSync(0, 'utf8'));
let answer;
try {
  const template = new (require(library).Template)(text);
  const results = inputs.map((input) => template.render(input));
  const length = results.reduce((sum, result) => sum + result.length, 0);
  answer = length > most ? { error: 'it writes more than ' + most + ' characters' } : { results };
} catch (error) {
  answer = { error: String(error && error.message || error).slice(0, 1000) };
}
const bytes = Buffer.from(JSON.stringify(answer));
for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
`;

interface Answer {
  readonly results?: readonly string[];
  readonly error?: string;
}

/**
 * Renders a template of a model's folder for each of several inputs. A template is a program: it may loop for ever, or ask for
 * any amount of memory, which would end the process that it runs in. So it runs in one of its own, with bounds of both.
 *
 * @throws UsageError with the reason, in one line
 */
export function renderTemplate(text: string, inputs: readonly object[]): readonly string[] {
  const library = require.resolve('@huggingface/jinja');
  const timeout = 1000 * (SECONDS + SECONDS_EACH * inputs.length);
  const { error, status, stdout } = spawnSync(
    process.execPath,
    [`--max-old-space-size=${MEBIBYTES}`, '-e', PROGRAM],
    {
      input: JSON.stringify({ library, text, inputs, most: MOST_CHARACTERS }),
      env: { ...process.env, NODE_OPTIONS: '' },
      // Four bytes at most for each, and escapes.
      maxBuffer: 8 * MOST_CHARACTERS,
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout,
      killSignal: 'SIGKILL',
    },
  );
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT')
    throw new UsageError(`it is not done after ${timeout / 1000} s; it was stopped`);
  if (error !== undefined) throw new UsageError(`it cannot be rendered (${error.message})`);
  if (status !== 0) throw new UsageError(`it takes more than ${MEBIBYTES} MiB of memory; it was stopped`);
  const answer = JSON.parse(stdout.toString('utf8')) as Answer;
  if (answer.results === undefined) throw new UsageError(answer.error ?? 'it gives nothing');
  return answer.results;
}
