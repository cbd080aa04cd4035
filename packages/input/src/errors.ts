/** Base of every error that Foretoken throws on purpose. The message is one line. */
export class ForetokenError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** What was handed in is wrong, too large or takes too long. */
export class InputError extends ForetokenError {}

/** The error class that a caller wants thrown instead of `InputError`. */
export type InputErrorClass = new (message: string, options?: ErrorOptions) => Error;
