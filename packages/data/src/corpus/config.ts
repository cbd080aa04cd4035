import { z } from 'zod';
import { DATA_FILE_NAMES, dataFilesSchema } from '../data-files.js';
import { parseSettings } from '../parse-settings.js';

const seed = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Settings of a task of running text. */
export const corpusConfigSchema = z.strictObject({
  preset: z.literal('text').default('text'),
  /** Where the data is; null when records are handed over. */
  files: dataFilesSchema.nullable().default(null),
  /** Folder of the tokenizer; null when a tokenizer is handed over. */
  tokenizer: z.string().min(1).nullable().default(null),
  /** Column that holds the text. Plain text files have one column, `text`. */
  column: z.string().min(1).default('text'),
  /**
   * What stands between two documents of a record: a marker such as `<|endoftext|>`, or `\n\n` for paragraphs. A text
   * without it is one document, and so is each record when this is null.
   */
  separator: z.string().min(1).nullable().default('<|endoftext|>'),
  /** T: tokens of a row. */
  time: z.number().int().min(2).default(512),
  /** Begins each document with the token that begins a text; as the tokenizer itself does when null. */
  beginToken: z.boolean().nullable().default(null),
  /** Ends each document with the token that ends a text. */
  endToken: z.boolean().default(true),
  /** Order of the rows. */
  seed: seed.default(0),
  /** Which documents are held out; the same for all runs of a study. */
  heldOutSeed: seed.default(0),
  /** Share held out for validation when there is no validation file: of the documents, or the end of a single one. */
  validationShare: z.number().min(0).max(0.9).default(0.05),
});

/** Complete settings, as stored with a run. */
export type CorpusConfig = z.output<typeof corpusConfigSchema>;

/** Settings as written by a person. */
export type CorpusOptions = z.input<typeof corpusConfigSchema>;

/**
 * Checks settings and fills in the defaults.
 *
 * @throws TaskConfigError with every mistake in one message
 */
export const parseCorpusConfig = (options: CorpusOptions): CorpusConfig =>
  parseSettings(corpusConfigSchema, 'text corpus', options, {
    '': Object.keys(corpusConfigSchema.shape),
    files: DATA_FILE_NAMES,
  });
