/** Base of every error that this package throws on purpose. */
export class DataError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Settings of a task that are wrong or contradict each other. */
export class TaskConfigError extends DataError {}

/** A batch, question or example was asked for with arguments that make no sense. */
export class TaskUsageError extends DataError {}
