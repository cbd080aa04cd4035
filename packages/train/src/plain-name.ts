import { z } from 'zod';

const LONGEST_NAME = 100;
const LONGEST_TITLE = 300;

/**
 * A name that a folder can have, and that leads nowhere else: whatever of a file becomes part of a path is one of these.
 */
export const plainName = z
  .string()
  .max(LONGEST_NAME)
  .regex(/^[A-Za-z0-9][\w.-]*$/, 'expected letters, digits, ".", "_" and "-", as in the name of a folder');

/** What a reader sees, in one line. */
export const title = z
  .string()
  .max(LONGEST_TITLE)
  .regex(/^\P{Cc}*$/u, 'expected text of one line');

/** The name of a file without its ending, as a plain name. */
export function nameOfFile(path: string): string {
  const name = path.replace(/^.*[\\/]/, '').replace(/\.\w+$/, '');
  const plain = name.replace(/[^\w.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return plain.slice(0, LONGEST_NAME) || 'recipe';
}
