import { z } from 'zod';
import { parseSettings } from '../parse-settings.js';

const count = (least: number) => z.number().int().min(least);
const seed = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
// Names and the order of an epoch are listed in memory.
const MOST_NAMES = 1_000_000;
const MOST_ARMS = 1000;
const MOST_EXAMPLES = 100_000_000;
// A share that is tiny but not zero would make the search for a held-out graph endless.
const SMALLEST_SHARE = 0.001;
const share = z
  .number()
  .min(0)
  .max(0.9)
  .refine((value) => value === 0 || value >= SMALLEST_SHARE, {
    error: `must be 0 or at least ${SMALLEST_SHARE}`,
  });

/** Nodes of a star with `degree` arms of `length` nodes, the centre counted in each arm. */
export const nodeCount = (config: { degree: number; length: number }): number =>
  config.degree * (config.length - 1) + 1;

/** Edges of the same star: every node but the centre ends one. */
export const edgeCount = (config: { degree: number; length: number }): number =>
  config.degree * (config.length - 1);

/** Settings of the star-graph task G(degree, length, names). */
export const starGraphConfigSchema = z
  .strictObject({
    degree: count(1)
      .max(MOST_ARMS)
      .describe('arms of the star. Guessing an arm is right once in `degree` times'),
    length: count(2)
      .max(MOST_ARMS)
      .describe('nodes of an arm, the centre included; the path to write has as many tokens'),
    names: count(2).max(MOST_NAMES).describe('N: how many node names there are to draw from'),
    format: z
      .enum(['token', 'edge'])
      .describe('`token`: one position for each token of the edge list; `edge`: one position for each edge'),
    target: z
      .enum(['forward', 'reversed'])
      .default('forward')
      .describe(
        '`forward`: the path is written start to goal; `reversed`: goal to start, which takes no foresight',
      ),
    seed: seed.default(0).describe('seed of the training examples'),
    heldOutSeed: seed
      .default(0)
      .describe(
        'decides which graphs are held out and which of them are asked. Leave it alone within a study, so that all runs answer the same questions and none has seen them in training',
      ),
    trainingExamples: count(1)
      .max(MOST_EXAMPLES)
      .nullable()
      .default(null)
      .describe(
        'examples of a fixed training set, gone through in epochs; null draws fresh examples for ever',
      ),
    validationShare: share.default(0.1).describe('share of all graphs kept for validation'),
    testShare: share.default(0.1).describe('share of all graphs kept for the test'),
  })
  .superRefine((config, context) => {
    const nodes = nodeCount(config);
    if (config.names < nodes) {
      context.addIssue({
        code: 'custom',
        path: ['names'],
        message:
          `${config.names} names are too few: G(${config.degree}, ${config.length}) has ` +
          `${config.degree} * (${config.length} - 1) + 1 = ${nodes} nodes, and no name may repeat. ` +
          `Use at least ${nodes} names`,
      });
    }
    if (config.validationShare + config.testShare >= 1) {
      context.addIssue({
        code: 'custom',
        path: ['testShare'],
        message:
          `validationShare ${config.validationShare} and testShare ${config.testShare} leave no graph to train ` +
          'on. Their sum must be below 1',
      });
    }
  });

/** Complete settings, as stored with a run. */
export type StarGraphConfig = z.output<typeof starGraphConfigSchema>;

/** Settings as written by a person: what has a default may be left out. */
export type StarGraphOptions = z.input<typeof starGraphConfigSchema>;

/**
 * Checks settings and fills in the defaults.
 *
 * @throws TaskConfigError with every mistake in one message.
 */
export const parseStarGraphConfig = (options: unknown): StarGraphConfig =>
  parseSettings(starGraphConfigSchema, 'star-graph', options, {
    '': Object.keys(starGraphConfigSchema.shape),
  });
