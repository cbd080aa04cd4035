import { InputError, type InputErrorClass } from './errors.js';
import { oneLine } from './quote.js';

export interface JsonLimits {
  /** What is read, as messages name it: the path of a file. */
  readonly what: string;
  /** Objects and lists inside of one another; 100 where nothing is said. */
  readonly maxDepth?: number;
  /** UTF-16 units; 128 Mi where nothing is said. */
  readonly maxLength?: number;
  /** Allows a field `__proto__`, which a vocabulary may have; for values of which no field is copied by name. */
  readonly allowPrototypeField?: boolean;
  /** Thrown instead of `InputError`. */
  readonly error?: InputErrorClass;
}

const DEPTH = 100;
const LENGTH = 2 ** 27;

const [QUOTE, BACKSLASH, OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST] = [...'"\\{}[]'].map((character) =>
  character.charCodeAt(0),
);

/** Whether brackets outside of strings are nested deeper than `limit`; the text need not be valid. */
function isDeeper(text: string, limit: number): boolean {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) {
      // To the end of the string.
      for (index++; index < text.length && text.charCodeAt(index) !== QUOTE; index++)
        if (text.charCodeAt(index) === BACKSLASH) index++;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      if (++depth > limit) return true;
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth--;
  }
  return false;
}

/** Whether an object anywhere in the value has its own field `__proto__`. */
function hasPrototypeField(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Object.hasOwn(value, '__proto__')) return true;
  return Object.values(value).some(hasPrototypeField);
}

/**
 * The value of a JSON text that may come from anybody: bounded in length and depth, without a byte order mark, and
 * without a field `__proto__`, which code that copies fields by name would take for something else.
 *
 * @throws InputError in one line, where the text is no JSON or beyond the limits
 */
export function parseJson(
  text: string,
  {
    what,
    maxDepth = DEPTH,
    maxLength = LENGTH,
    allowPrototypeField = false,
    error: ErrorClass = InputError,
  }: JsonLimits,
): unknown {
  const fail = (problem: string, options?: ErrorOptions): never => {
    throw new ErrorClass(`${what}: ${problem}`, options);
  };
  if (text.length > maxLength)
    fail(
      `has ${text.length.toLocaleString('en')} characters of JSON; the limit is ${maxLength.toLocaleString('en')}.`,
    );
  const json = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (json.trim() === '') fail('is empty; expected JSON.');
  if (isDeeper(json, maxDepth)) fail(`JSON is nested deeper than ${maxDepth} levels.`);
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    fail(`is not valid JSON: ${oneLine((cause as Error).message)}.`, { cause });
  }
  // The field may be written with escapes.
  if (!allowPrototypeField && /__proto__|\\u005f/i.test(json) && hasPrototypeField(value))
    fail('has a field "__proto__", which is not allowed.');
  return value;
}

/** Whether a value of JSON is an object, and neither null nor a list. */
export const isJsonObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
