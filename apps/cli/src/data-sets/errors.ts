import { ForetokenError } from '@foretoken/tensor';

/** A data set cannot be had, or a file of it is not what was published; the message is the whole answer. */
export class DataSetError extends ForetokenError {}

/** The download broke off: asking again may go on from there. */
export class BrokenOffError extends DataSetError {}
