import { oneLine } from '@foretoken/input';
import { z } from 'zod';
import { DATA_FILE_NAMES, dataFilesSchema } from '../data-files.js';
import { LONGEST_NAME, LONGEST_TEXT, MOST_NAMES, MOST_TIME } from '../limits.js';
import { SCORER_NAMES } from '../metrics/scorers.js';
import { parseSettings } from '../parse-settings.js';
import { TEXT_PRESET_NAMES, textPresets } from './presets.js';
import { parseTemplate } from './template.js';
import { tokenizerSetting } from './trained-tokenizer.js';

const count = (least: number) => z.number().int().min(least).max(MOST_TIME);
const name = z.string().max(LONGEST_NAME);
const seed = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const pattern = z
  .string()
  .max(LONGEST_TEXT)
  .superRefine((source, context) => {
    try {
      // What is too large is only found where it is used.
      new RegExp(source, 'g').test('');
    } catch (error) {
      context.addIssue({ code: 'custom', message: oneLine((error as Error).message) });
    }
  });

/** Settings of a task of prompts and answers. */
export const textConfigSchema = z
  .strictObject({
    preset: z
      .enum(TEXT_PRESET_NAMES)
      .nullable()
      .default(null)
      .describe('data set whose settings these are based on; null for data of your own'),
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
    template: z
      .string({
        error: `is missing; give a preset (${TEXT_PRESET_NAMES.join(', ')}) or a text with columns in braces, 'Question: {question}\\n\\nAnswer: {answer}'`,
      })
      .max(LONGEST_TEXT)
      .describe('columns in braces, `Question: {question}\\n\\nAnswer: {answer}`'),
    answerFrom: name
      .nullable()
      .default(null)
      .describe('column that the answer begins with; the last one of the template when null'),
    alternatives: z
      .record(name, z.array(name).min(1).max(MOST_NAMES))
      .default({})
      .describe(
        'columns that stand in for one that a record lacks. The first is the answer, all of them are references',
      ),
    dropPattern: pattern
      .nullable()
      .default(null)
      .describe(
        "regular expression of what is taken out of every column, `<<[^>]*>>` for GSM8K's calculator notes",
      ),
    scorer: z.enum(SCORER_NAMES).default('text').describe('how answers are judged'),
    maxTime: count(2).default(512).describe('most tokens of a prompt with its answer'),
    maxAnswerTime: count(1)
      .nullable()
      .default(null)
      .describe(
        'most tokens that a question is answered with; its prompt has what remains. Half of `maxTime` when null',
      ),
    overlong: z
      .enum(['drop', 'refuse'])
      .default('drop')
      .describe('longer examples are left out and counted, or refused with an error'),
    endToken: z
      .boolean()
      .default(true)
      .describe('the token that ends a text ends each answer, and is learned'),
    buckets: z
      .union([count(1).max(64), z.array(count(2)).min(1).max(64)])
      .default(4)
      .describe(
        'lengths that batches are padded to: as many equal steps up to `maxTime`, or the lengths themselves',
      ),
    group: count(1)
      .max(65_536)
      .default(32)
      .describe(
        'examples that lie together and share a length. Best a multiple of the batch size, of micro-batches at least',
      ),
    seed: seed.default(0).describe('order of the training examples'),
    heldOutSeed: seed.default(0).describe('which examples are held out; the same for all runs of a study'),
    validationShare: z
      .number()
      .min(0)
      .max(0.9)
      .default(0.05)
      .describe('share of the training examples held out for validation when there is no validation file'),
  })
  .transform((config) => ({
    ...config,
    maxAnswerTime: config.maxAnswerTime ?? Math.floor(config.maxTime / 2),
  }))
  .superRefine((config, context) => {
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (config.maxAnswerTime >= config.maxTime) {
      refuse(
        'maxAnswerTime',
        `${config.maxAnswerTime} leaves no room for a prompt in maxTime ${config.maxTime}`,
      );
    }
    if (Array.isArray(config.buckets) && config.buckets.reduce((a, b) => Math.max(a, b)) !== config.maxTime) {
      refuse('buckets', `the longest must be maxTime, ${config.maxTime}, got ${config.buckets.join(', ')}`);
    }
    try {
      parseTemplate(config.template, config.answerFrom ?? undefined);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });

/** Complete settings, as stored with a run. */
export type TextConfig = z.output<typeof textConfigSchema>;

/** Settings as written by a person: what has a default, or comes from the preset, may be left out. */
export type TextOptions = z.input<typeof textConfigSchema>;

const known = {
  '': Object.keys(textConfigSchema.in.shape),
  files: DATA_FILE_NAMES,
};

/**
 * Checks settings, on top of those of their preset, and fills in the defaults.
 *
 * @throws TaskConfigError with every mistake in one message
 */
export function parseTextConfig(options: Partial<TextOptions>): TextConfig {
  const { preset } = options;
  const base = typeof preset === 'string' && Object.hasOwn(textPresets, preset) ? textPresets[preset] : {};
  return parseSettings(textConfigSchema, 'text', { ...base, ...options }, known);
}
