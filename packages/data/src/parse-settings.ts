import { nearestName, oneLine, printable, quote, shorten } from '@foretoken/input';
import type { z } from 'zod';
import { TaskConfigError } from './errors.js';

/** Names that a setting may have, by the path of the object that holds it; '' for the settings themselves. */
export type KnownNames = Readonly<Record<string, readonly string[]>>;

/** Mistakes that are told, of many. */
const TOLD = 8;

const describeList = (mistakes: readonly string[]): string =>
  mistakes.slice(0, TOLD).join('; ') +
  (mistakes.length > TOLD ? `; and ${mistakes.length - TOLD} more mistakes` : '');

function describeUnknown(keys: readonly string[], known: readonly string[]): string {
  const meant = keys.map((key) => nearestName(key, known));
  const told = keys.map((key, at) => {
    const hint = meant[at] === undefined ? '' : `, did you mean '${meant[at]}'?`;
    return `unknown setting '${printable(shorten(key))}'${hint}`;
  });
  return describeList(told) + (meant.includes(undefined) ? `, known are ${known.join(', ')}` : '');
}

function describeChoice(issue: z.core.$ZodIssue & { code: 'invalid_value' }): string {
  const values = issue.values.map(String);
  const meant = typeof issue.input === 'string' ? nearestName(issue.input, values) : undefined;
  const found = typeof issue.input === 'string' ? `${quote(issue.input)} is none of` : 'expected one of';
  return `${found} ${values.join(', ')}${meant === undefined ? '' : `; did you mean '${meant}'?`}`;
}

function describeIssue(issue: z.core.$ZodIssue, known: KnownNames): string {
  const path = printable(shorten(issue.path.join('.')));
  const prefix = path === '' ? '' : `${path}: `;
  if (issue.code === 'unrecognized_keys') {
    const names = known[path] ?? [];
    return prefix + describeUnknown(issue.keys, names);
  }
  if (issue.code === 'invalid_value') return prefix + describeChoice(issue);
  return prefix + oneLine(issue.message);
}

/** Where a field `__proto__` stands, which lists of names by name would pass over; undefined where there is none. */
function prototypeField(value: unknown, path: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Object.hasOwn(value, '__proto__')) return path;
  for (const [name, field] of Object.entries(value)) {
    const found = prototypeField(field, `${path}${name}: `);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * Checks settings and fills in the defaults.
 *
 * @param owner - whose settings they are, the beginning of a message
 * @throws TaskConfigError with every mistake in one message
 */
export function parseSettings<Schema extends z.ZodType>(
  schema: Schema,
  owner: string,
  options: unknown,
  known: KnownNames,
): z.output<Schema> {
  const path = prototypeField(options, '');
  if (path !== undefined)
    throw new TaskConfigError(
      `${owner}: ${printable(shorten(path))}unknown setting '__proto__', which nothing can be called.`,
    );
  const result = schema.safeParse(options, { reportInput: true });
  if (result.success) return result.data;
  const message = `${owner}: ${describeList(result.error.issues.map((issue) => describeIssue(issue, known)))}`;
  throw new TaskConfigError(/[?.]$/.test(message) ? message : `${message}.`, { cause: result.error });
}
