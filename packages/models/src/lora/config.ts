import { didYouMean } from '@foretoken/input';
import { ConfigError } from '@foretoken/nn';
import { z } from 'zod';

const name = z.string().min(1);
const count = z.int().positive();

/** Names, of which a module must be one or end with one; or a regular expression of the whole name. */
const modules = z.union([name, z.array(name).min(1, 'name at least one').readonly()], {
  error: 'expected a list of names or one regular expression',
});

const schema = z
  .strictObject({
    /** Numbers between the two products of an adapter (`r`). */
    rank: count,
    /** What an adapter adds is multiplied by `alpha / rank`. */
    alpha: z.number().positive(),
    /** Probability with which an input of an adapter is left out, in passes with a dropout key. */
    dropout: z.number().min(0).lt(1).default(0),
    /**
     * Linear layers as Hugging Face names them: a list of ends of names (`q_proj`, `self_attn.q_proj`), a regular
     * expression of the whole name, or `all-linear`.
     */
    targets: modules,
    /** Of the targets, those that get no adapter after all; given in the same way. */
    exclude: modules.optional(),
    /** The layers of the model whose targets get adapters; default all. Not with a regular expression. */
    layers: z.array(z.int().nonnegative()).min(1).readonly().optional(),
    /** Multiply by `alpha / sqrt(rank)` instead (arXiv 2312.03732). */
    rankStabilized: z.boolean().default(false),
    /** Other ranks, by regular expressions of the ends of names; the first that fits counts. */
    rankPattern: z.record(name, count).default({}),
    /** Other alphas, in the same way. */
    alphaPattern: z.record(name, z.number().positive()).default({}),
  })
  .refine(({ layers, targets }) => layers === undefined || typeof targets !== 'string', {
    path: ['layers'],
    error: 'goes with a list of targets only; a regular expression says itself which layers it means',
  });

/** Names of all settings. */
export const loraSettings: readonly string[] = Object.keys(schema.shape);

/** A config as it is written by hand. */
export type LoraConfigInput = z.input<typeof schema>;

/** A complete config. */
export type LoraConfig = z.output<typeof schema>;

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
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new ConfigError(`LoRA config: ${result.error.issues.map(describe).join(' ')}`);
}
