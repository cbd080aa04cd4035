import { ForetokenError } from '@foretoken/input';

/** Base of every error that this package throws on purpose. */
export class DataError extends ForetokenError {}

/** Settings of a task that are wrong or contradict each other. */
export class TaskConfigError extends DataError {}

/** A batch, question or example was asked for with arguments that make no sense. */
export class TaskUsageError extends DataError {}

/** A file or record that is not what it should be: missing, empty, broken, without a column. */
export class DataFileError extends DataError {}

/** A tokenizer that cannot be read, lacks a token, or belongs to another model. */
export class TokenizerError extends DataError {}
