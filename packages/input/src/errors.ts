/** What was handed in is wrong, too large or takes too long. The message is one line. */
export class InputError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The error class that a caller wants thrown instead of `InputError`. */
export type InputErrorClass = new (message: string, options?: ErrorOptions) => Error;
