import { limitTime } from '#time-limit';
import { InputError, type InputErrorClass } from './errors.js';

export interface TimeLimit {
  /** What is done, as the message names it: `pattern "(a+)+" on line 7`. */
  readonly what: string;
  readonly milliseconds: number;
  /** Thrown instead of `InputError`. */
  readonly error?: InputErrorClass;
}

/**
 * Runs something synchronous whose time depends on what was handed in: a pattern of a user, a template. It is
 * interrupted when its time is up (in Node; browsers cannot). A call costs about 0.2 ms, so give it a batch of work.
 * Calls may not be nested.
 *
 * @throws InputError in one line, where the time is up; whatever `work` throws
 */
export function withTimeLimit<Result>(
  work: () => Result,
  { what, milliseconds, error: ErrorClass = InputError }: TimeLimit,
): Result {
  const outcome = limitTime(work, milliseconds);
  if (outcome.finished) return outcome.result;
  throw new ErrorClass(`${what}: not finished after ${milliseconds / 1000} s; it was stopped.`);
}
