// Most that settings may ask for: far more than machines of today can use, and little enough for memory and time to stay
// bounded.

/** Tokens of a row, of a prompt with its answer, of an answer. */
export const MOST_TIME = 2 ** 20;
/** Examples of a batch, and questions asked at once. */
export const MOST_EXAMPLES = 2 ** 20;
/** Numbers of a batch: tokens in all channels, or pixels. */
export const MOST_BATCH_NUMBERS = 2 ** 28;
/** Codes of a codebook, and classes of images. */
export const MOST_CODES = 2 ** 20;
/** Characters of a template, a separator or a pattern. */
export const LONGEST_TEXT = 100_000;
/** Characters of the name of a column. */
export const LONGEST_NAME = 1000;
/** Names of a list in settings: columns, files. */
export const MOST_NAMES = 10_000;
