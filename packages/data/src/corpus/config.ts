import { z } from 'zod';
import { DATA_FILE_NAMES, dataFilesSchema } from '../data-files.js';
import { TaskConfigError } from '../errors.js';
import { LONGEST_NAME, LONGEST_TEXT, MOST_TIME } from '../limits.js';
import { parseSettings } from '../parse-settings.js';
import { parseTemplate } from '../text/template.js';
import { withLineEnds } from '../typed-text.js';

/** Most that may be held out. */
const LARGEST_SHARE = 0.9;

/** A template that names a column. */
const templateSchema = z
  .string()
  .max(LONGEST_TEXT)
  .superRefine((template, context) => {
    try {
      parseTemplate(template);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });

const seed = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Settings of a task of running text. */
export const corpusConfigSchema = z.strictObject({
  preset: z.literal('text').default('text'),
  /** Where the data is; null when records are handed over. */
  files: dataFilesSchema.nullable().default(null),
  /** Folder of the tokenizer; null when a tokenizer is handed over. */
  tokenizer: z.string().min(1).nullable().default(null),
  /** Column that holds the text. Plain text files have one column, `text`. */
  column: z.string().min(1).max(LONGEST_NAME).default('text'),
  /**
   * The text made of several columns instead, `Question: {question}\n\nAnswer: {answer}`; `column` alone when null.
   */
  template: templateSchema.nullable().default(null),
  /**
   * What stands between two documents of a record: a marker such as `<|endoftext|>`, or `\n\n` for paragraphs. A text
   * without it is one document, and so is each record when this is null. `\\n`, `\\t` and `\\r` may be written out.
   */
  separator: z.string().min(1).max(LONGEST_TEXT).transform(withLineEnds).nullable().default('<|endoftext|>'),
  /** T: tokens of a row. */
  time: z.number().int().min(2).max(MOST_TIME).default(512),
  /** Begins each document with the token that begins a text; as the tokenizer itself does when null. */
  beginToken: z.boolean().nullable().default(null),
  /** Ends each document with the token that ends a text. */
  endToken: z.boolean().default(true),
  /** Order of the rows. */
  seed: seed.default(0),
  /** Which documents are held out; the same for all runs of a study. */
  heldOutSeed: seed.default(0),
  /** Share held out for validation when there is no validation file: of the documents, or the end of a single one. */
  validationShare: z.number().min(0).max(LARGEST_SHARE).default(0.05),
  /** Share held out for the test when there is no test file, in the same way and before validation: the very end of a single document. */
  testShare: z.number().min(0).max(LARGEST_SHARE).default(0),
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
export function parseCorpusConfig(options: CorpusOptions): CorpusConfig {
  const config = parseSettings(corpusConfigSchema, 'text corpus', options, {
    '': Object.keys(corpusConfigSchema.shape),
    files: DATA_FILE_NAMES,
  });
  const { validationShare, testShare } = config;
  if (validationShare + testShare <= LARGEST_SHARE) return config;
  throw new TaskConfigError(
    `text corpus: validationShare ${validationShare} and testShare ${testShare} hold out more than ${LARGEST_SHARE} together.`,
  );
}
