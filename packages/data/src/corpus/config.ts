import { z } from 'zod';
import { DATA_FILE_NAMES, dataFilesSchema } from '../data-files.js';
import { TaskConfigError } from '../errors.js';
import { LONGEST_NAME, LONGEST_TEXT, MOST_TIME } from '../limits.js';
import { parseSettings } from '../parse-settings.js';
import { parseTemplate } from '../text/template.js';
import { tokenizerSetting } from '../text/trained-tokenizer.js';
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
  preset: z.literal('text').default('text').describe('settings that these are based on'),
  files: dataFilesSchema
    .nullable()
    .default(null)
    .describe('where the data is; null when records are handed over'),
  tokenizer: tokenizerSetting
    .nullable()
    .default(null)
    .describe(
      'folder of the tokenizer; or `char`, `bpe`, `bpe:2000`: one that is trained on the training texts. Null when one is handed over',
    ),
  column: z
    .string()
    .min(1)
    .max(LONGEST_NAME)
    .default('text')
    .describe('column that holds the text. Plain text files have one column, `text`'),
  template: templateSchema
    .nullable()
    .default(null)
    .describe(
      'the text made of several columns instead, `Question: {question}\\n\\nAnswer: {answer}`; `column` alone when null',
    ),
  separator: z
    .string()
    .min(1)
    .max(LONGEST_TEXT)
    .transform(withLineEnds)
    .nullable()
    .default('<|endoftext|>')
    .describe(
      'what stands between two documents of a record: a marker such as `<|endoftext|>`, or `\\n\\n` for paragraphs. A text without it is one document, and so is each record when this is null. `\\n`, `\\t` and `\\r` may be written out',
    ),
  time: z.number().int().min(2).max(MOST_TIME).default(512).describe('T: tokens of a row'),
  beginToken: z
    .boolean()
    .nullable()
    .default(null)
    .describe(
      'begins each document with the token that begins a text; as the tokenizer itself does when null',
    ),
  endToken: z.boolean().default(true).describe('ends each document with the token that ends a text'),
  seed: seed.default(0).describe('order of the rows'),
  heldOutSeed: seed.default(0).describe('which documents are held out; the same for all runs of a study'),
  validationShare: z
    .number()
    .min(0)
    .max(LARGEST_SHARE)
    .default(0.05)
    .describe(
      'share held out for validation when there is no validation file: of the documents, or the end of a single one',
    ),
  testShare: z
    .number()
    .min(0)
    .max(LARGEST_SHARE)
    .default(0)
    .describe(
      'share held out for the test when there is no test file, in the same way and before validation: the very end of a single document',
    ),
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
