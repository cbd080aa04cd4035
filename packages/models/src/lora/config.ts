import { didYouMean } from '@foretoken/input';
import { ConfigError } from '@foretoken/nn';
import { z } from 'zod';

const name = z.string().min(1);
const count = z.int().positive().max(65_536);

/** Names, of which a module must be one or end with one; or a regular expression of the whole name. */
const modules = z.union([name, z.array(name).min(1, 'name at least one').readonly()], {
  error: 'expected a list of names or one regular expression',
});

/** Settings of adapters, with what each means. */
export const loraConfigSchema = z
  .strictObject({
    rank: count.describe('numbers between the two products of an adapter (`r`)'),
    alpha: z.number().positive().describe('what an adapter adds is multiplied by `alpha / rank`'),
    dropout: z
      .number()
      .min(0)
      .lt(1)
      .default(0)
      .describe('probability with which an input of an adapter is left out, in passes with a dropout key'),
    targets: modules.describe(
      'linear layers as Hugging Face names them: a list of ends of names (`q_proj`, `self_attn.q_proj`), a regular expression of the whole name, or `all-linear`',
    ),
    exclude: modules
      .optional()
      .describe('of the targets, those that get no adapter after all; given in the same way'),
    layers: z
      .array(z.int().nonnegative())
      .min(1)
      .readonly()
      .optional()
      .describe(
        'the layers of the model whose targets get adapters; default all. Not with a regular expression',
      ),
    rankStabilized: z
      .boolean()
      .default(false)
      .describe('multiply by `alpha / sqrt(rank)` instead (arXiv 2312.03732)'),
    rankPattern: z
      .record(name, count)
      .default({})
      .describe('other ranks, by regular expressions of the ends of names; the first that fits counts'),
    alphaPattern: z.record(name, z.number().positive()).default({}).describe('other alphas, in the same way'),
  })
  .refine(({ layers, targets }) => layers === undefined || typeof targets !== 'string', {
    path: ['layers'],
    error: 'goes with a list of targets only; a regular expression says itself which layers it means',
  });

/** Names of all settings. */
export const loraSettings: readonly string[] = Object.keys(loraConfigSchema.shape);

/** A config as it is written by hand. */
export type LoraConfigInput = z.input<typeof loraConfigSchema>;

/** A complete config. */
export type LoraConfig = z.output<typeof loraConfigSchema>;

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    const known = loraSettings;
    return issue.keys
      .map(
        (key) => `there is no setting ${key}.${didYouMean(key, known) || ` Known are ${known.join(', ')}.`}`,
      )
      .join(' ');
  }
  return `${issue.path.join('.')}: ${issue.message}.`;
}

/**
 * Checks a config and fills in the defaults.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function loraConfig(input: LoraConfigInput): LoraConfig {
  const result = loraConfigSchema.safeParse(input);
  if (result.success) return result.data;
  throw new ConfigError(`LoRA config: ${result.error.issues.map(describe).join(' ')}`);
}
