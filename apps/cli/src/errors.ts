import { ForetokenError } from '@foretoken/tensor';

/** A command was used in a way that cannot work; the message is the whole answer. */
export class UsageError extends ForetokenError {}

/** Ctrl-C. */
export class Interrupted extends ForetokenError {}
