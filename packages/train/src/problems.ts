import { didYouMean, printable, quote, shorten } from '@foretoken/input';
import { z } from 'zod';

/** The object schema at a path, through defaults and optional wrappers. */
function objectAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodObject | undefined {
  let found: unknown = schema;
  const unwrap = (): void => {
    while (
      found instanceof z.ZodDefault ||
      found instanceof z.ZodOptional ||
      found instanceof z.ZodPrefault ||
      found instanceof z.ZodPipe
    ) {
      // Of a schema with a transformation, what goes in.
      found = found instanceof z.ZodPipe ? found.in : found.unwrap();
    }
  };
  unwrap();
  for (const key of path) {
    if (found instanceof z.ZodArray && typeof key === 'number') found = found.element;
    else if (found instanceof z.ZodObject) found = found.shape[String(key)];
    else return undefined;
    unwrap();
  }
  return found instanceof z.ZodObject ? found : undefined;
}

/** Unknown settings, each with the nearest known name. */
export const describeUnknown = (keys: readonly string[], known: readonly string[]): string =>
  keys
    .map((key) => {
      const hint = didYouMean(key, known);
      return `no setting ${quote(key)}.${hint === '' ? ` There are ${known.join(', ')}.` : hint}`;
    })
    .join(' ');

/** Everything that is wrong with settings, in one line. */
export function describeProblems(schema: z.ZodType, error: z.ZodError): string {
  return error.issues
    .map((issue) => {
      const place = issue.path.length > 0 ? `${printable(shorten(issue.path.join('.'), 200))}: ` : '';
      if (issue.code !== 'unrecognized_keys') return `${place}${issue.message}`;
      const known = Object.keys(objectAt(schema, issue.path)?.shape ?? {});
      return `${place}${describeUnknown(issue.keys, known)}`;
    })
    .join('; ');
}
