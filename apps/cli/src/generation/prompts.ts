import { findData } from '@foretoken/data/node';
import { isJsonObject, parseJson, printable, quote } from '@foretoken/input';
import { readTextFile } from '@foretoken/input/node';
import { UsageError } from '../errors.js';

/** Prompts are kept with their answers. */
const MOST_BYTES = 2 ** 26;

class PromptsError extends UsageError {
  constructor(message: string, options?: ErrorOptions) {
    super(`--prompts: ${message}`, options);
  }
}

/** One prompt a line; of a `.jsonl` file, the field of each object. Blank lines are passed over. */
export function readPrompts(path: string, field: string): string[] {
  const content = readTextFile(findData(path), { maxBytes: MOST_BYTES, error: PromptsError });
  const isJson = /\.(jsonl|ndjson)$/.test(path);
  const prompts = content.split(/\r?\n/).flatMap((line, at) => {
    if (line.trim() === '') return [];
    return [isJson ? fieldOf(line, field, `${printable(path)}:${at + 1}`) : line];
  });
  if (prompts.length === 0) throw new PromptsError(`${printable(path)}: there is no prompt in the file.`);
  return prompts;
}

function fieldOf(line: string, field: string, where: string): string {
  const value = parseJson(line, { what: where, error: UsageError });
  if (!isJsonObject(value)) throw new UsageError(`${where}: expected a JSON object, got ${quote(value)}.`);
  const found = Object.hasOwn(value, field) ? value[field] : undefined;
  if (typeof found === 'string') return found;
  const names = Object.keys(value)
    .slice(0, 20)
    .map((name) => quote(name))
    .join(', ');
  throw new UsageError(
    `${where}: no text in field ${quote(field)}; fields are: ${names || 'none'}. Choose one with --field.`,
  );
}

/** All of a stream. @throws UsageError where it does not end within the limit */
async function readStream(stream: AsyncIterable<Buffer | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const piece = Buffer.from(chunk);
    bytes += piece.length;
    if (bytes > MOST_BYTES)
      throw new UsageError(`--prompt -: standard input has more than ${MOST_BYTES} bytes.`);
    chunks.push(piece);
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
}

/** The prompt of `--prompt`; `-` is all of standard input. */
export const promptText = async (
  given: string,
  input: AsyncIterable<Buffer | string> = process.stdin,
): Promise<string> => (given === '-' ? (await readStream(input)).replace(/\r?\n$/, '') : given);
