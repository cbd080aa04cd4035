import { ConfigError, MLP_KINDS } from '@foretoken/nn';
import { z } from 'zod';
import { parameterCount } from './cost.js';

/** Far above any model, so that a slip of the keyboard is told and does not fill the memory. */
const LARGEST_SIZE = 2 ** 24;
const MOST_PARAMETERS = 1e11;

/** A width, or a number of heads, tokens, positions. */
export const sizeCount = z.int().positive().max(LARGEST_SIZE, `at most ${LARGEST_SIZE}`);

const count = sizeCount;

const MOST_LAYERS = 10_000;

/** Channels of a token, and layers with a window. */
const MOST_LISTED = MOST_LAYERS;

/** Bounded far above any model, since a file that says more would make lists without end. */
export const layerCount = z.int().positive().max(MOST_LAYERS, `there are at most ${MOST_LAYERS} layers`);

/** A standard deviation, or `fanIn` for 1 / sqrt(number of inputs). */
const spread = z.union([z.number().nonnegative(), z.literal('fanIn')]);

const initialization = z
  .strictObject({
    embedding: z
      .number()
      .nonnegative()
      .default(0.02)
      .describe('token embeddings; also the output where it is tied to them'),
    positions: z.number().nonnegative().default(0.02).describe('learned positions'),
    input: spread
      .default(0.02)
      .describe('what reads the residual stream: queries, keys, values, the input of the MLP'),
    residual: spread
      .default(0.02)
      .describe('what writes to the residual stream: the outputs of attention and MLP'),
    scaleResidual: z
      .boolean()
      .default(true)
      .describe(
        'divide `residual` by sqrt(2 * layers), so that the stream does not grow with depth (GPT-2, section 2.3)',
      ),
    output: spread.default(0.02).describe('the output, where it is not tied'),
  })
  .prefault({});

/** Which layers of linear maps, and whether norms, have a bias. */
const biases = z.strictObject({
  queryKeyValue: z.boolean(),
  attentionOutput: z.boolean(),
  mlp: z.boolean(),
  norm: z.boolean().describe('of layer norms; RMS norms have none'),
});

/** All alike, or each kind by itself. */
const bias = z
  .union([z.boolean(), biases])
  .transform((value) =>
    typeof value === 'boolean'
      ? { queryKeyValue: value, attentionOutput: value, mlp: value, norm: value }
      : value,
  );

const rotaryScaling = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('linear'), factor: z.number().positive() }),
  z
    .strictObject({
      kind: z.literal('llama3'),
      factor: z.number().positive(),
      slowTurns: z.number().positive(),
      fastTurns: z.number().positive(),
      trainedPositions: z.number().positive(),
    })
    .refine(({ slowTurns, fastTurns }) => slowTurns < fastTurns, 'slowTurns must be below fastTurns.'),
]);

const slidingWindow = z.strictObject({
  size: count.describe('how many position ids a query sees, its own included'),
  layers: z
    .array(z.int().nonnegative())
    .max(MOST_LISTED)
    .readonly()
    .optional()
    .describe('the layers whose attention has the window; default all of them'),
});

const grid = z.strictObject({
  height: count,
  width: count,
  before: z
    .int()
    .nonnegative()
    .max(LARGEST_SIZE)
    .default(0)
    .describe('position ids in front of the grid: of a class token, of registers'),
});

/** Settings of a transformer, with what each means. */
export const transformerConfigSchema = z
  .strictObject({
    vocabularySize: z
      .int()
      .nonnegative()
      .max(LARGEST_SIZE, `at most ${LARGEST_SIZE}`)
      .describe(
        'rows of the first embedding table, and classes of the output; 0 for a trunk that reads vectors alone',
      ),
    channelVocabularySizes: z
      .array(count)
      .max(MOST_LISTED)
      .readonly()
      .default([])
      .describe('rows of the tables of further channels, for tokens `[B, T, C]` of several ids each'),
    width: count.describe('numbers of a hidden state'),
    layers: layerCount.describe('blocks'),
    heads: count.describe('attention heads of each block'),
    keyValueHeads: count
      .optional()
      .describe('heads of keys and values; as many as `heads`, or fewer for grouped-query attention'),
    headWidth: count.optional().describe('numbers of a head; `width / heads` when absent'),
    maxPositions: count.describe('position ids run from 0 to `maxPositions - 1`'),
    positions: z
      .enum(['learned', 'rotary', 'rotary2d', 'sinusoidal', 'sinusoidal2d', 'none'])
      .describe('how tokens know where they are; in two dimensions by rows and columns of `grid`'),
    grid: grid.optional().describe('where tokens lie in a grid: position id `before + row * width + column`'),
    rotary: z
      .strictObject({
        base: z.number().positive().default(10000),
        layout: z.enum(['half', 'interleaved']).default('half'),
        scaling: rotaryScaling
          .optional()
          .describe('stretches positions beyond the context that the model was trained on first'),
      })
      .prefault({})
      .describe('rotary positions: base of the frequencies, layout of pairs, scaling'),
    embeddingScale: z
      .number()
      .positive()
      .default(1)
      .describe('factor of the sum of all embeddings, before positions are added'),
    attentionScale: z
      .number()
      .positive()
      .optional()
      .describe('factor of the attention scores. Default `1 / sqrt(headWidth)`'),
    attentionSoftCap: z
      .number()
      .positive()
      .optional()
      .describe('attention scores become `cap * tanh(scores / cap)`; not capped when absent'),
    logitSoftCap: z
      .number()
      .positive()
      .optional()
      .describe('logits become `cap * tanh(logits / cap)`; not capped when absent'),
    slidingWindow: slidingWindow
      .optional()
      .describe(
        'attention to the nearest position ids only, in all layers or in some; everywhere to all when absent',
      ),
    norm: z.enum(['layer', 'rms']).describe('layer norm or RMS norm'),
    normEps: z.number().positive().default(1e-5).describe('added to the variance in norms'),
    normWeightOffset: z
      .number()
      .default(0)
      .describe('added to the weights of RMS norms, which start lower by as much'),
    outputNorms: z
      .boolean()
      .default(false)
      .describe('a norm behind every attention and MLP too, before the residual stream takes their result'),
    mlp: z.enum(['none', ...MLP_KINDS]).describe('kind of the MLP; `none` makes attention-only blocks'),
    mlpWidth: count.optional().describe('hidden width of the MLP. Default `4 * width`'),
    /** Biases of linear layers and layer norms: all or none, or by kind. */
    bias: bias.describe('biases of linear layers and layer norms: all or none, or by kind'),
    tiedEmbeddings: z.boolean().describe('the output uses the (first) embedding table'),
    dropout: z
      .number()
      .nonnegative()
      .lt(1)
      .default(0)
      .describe(
        'fraction of numbers that is left out after the embeddings and after every attention and MLP; acts only in passes that are given a key',
      ),
    activationCheckpointing: z
      .enum(['none', 'blocks'])
      .default('none')
      .describe(
        'what training keeps of the forward pass: all that gradients need, or only what enters each block, the rest of which is then computed again. Changes memory and time, no results',
      ),
    precision: z
      .enum(['f32', 'f16'])
      .default('f32')
      .describe(
        '`f16` rounds what linear layers and attention read and keep; parameters, norms, sums and losses are f32',
      ),
    initialization: initialization.describe(
      'standard deviations of the initial weights: embedding, positions, input, residual, output; scaleResidual',
    ),
  })
  .transform((config) => ({
    ...config,
    keyValueHeads: config.keyValueHeads ?? config.heads,
    headWidth: config.headWidth ?? config.width / config.heads,
    mlpWidth: config.mlpWidth ?? 4 * config.width,
    bias: { ...config.bias, norm: config.bias.norm && config.norm === 'layer' },
    attentionScale: config.attentionScale ?? 1 / Math.sqrt(config.headWidth ?? config.width / config.heads),
    slidingWindow: config.slidingWindow && {
      size: config.slidingWindow.size,
      layers: config.slidingWindow.layers ?? Array.from({ length: config.layers }, (_, layer) => layer),
    },
  }))
  .superRefine((config, context) => {
    const { width, heads, keyValueHeads, headWidth } = config;
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (!Number.isInteger(headWidth)) {
      refuse('heads', `width (${width}) must be a multiple of heads (${heads}), or headWidth be given.`);
    }
    if (heads % keyValueHeads !== 0) {
      refuse('keyValueHeads', `heads (${heads}) must be a multiple of keyValueHeads (${keyValueHeads}).`);
    }
    const beyond = config.slidingWindow?.layers.find((layer) => layer >= config.layers);
    if (beyond !== undefined) {
      refuse('slidingWindow', `layer ${beyond} does not exist: layers are 0 to ${config.layers - 1}.`);
    }
    if (config.vocabularySize === 0 && (!config.tiedEmbeddings || config.channelVocabularySizes.length > 0)) {
      refuse('vocabularySize', 'without a vocabulary there is no output and there are no channels.');
    }
    if (config.norm === 'layer' && config.normWeightOffset !== 0) {
      refuse('normWeightOffset', 'only RMS norms have a weight offset.');
    }
    // Learned positions follow from the data, which may not be known yet.
    const parameters = parameterCount({ ...config, positions: 'none' });
    if (parameters > MOST_PARAMETERS) {
      refuse(
        'width',
        `a model of ${layersText(config)} has ${parameters.toLocaleString('en')} parameters; the limit is ${MOST_PARAMETERS.toLocaleString('en')}.`,
      );
    }
    if (config.positions === 'rotary' && headWidth % 2 !== 0) {
      refuse('headWidth', `rotary positions need an even headWidth, got ${headWidth}.`);
    }
    if (config.positions === 'rotary2d' && headWidth % 4 !== 0) {
      refuse('headWidth', `rotary2d positions need a headWidth that is a multiple of 4, got ${headWidth}.`);
    }
    if (config.positions === 'sinusoidal2d' && width % 4 !== 0) {
      refuse('width', `sinusoidal2d positions need a width that is a multiple of 4, got ${width}.`);
    }
    if (config.positions.endsWith('2d') && config.grid === undefined) {
      refuse('grid', `${config.positions} positions need a grid: { height, width, before }.`);
    }
    if (config.grid !== undefined) {
      const { height, width: columns, before } = config.grid;
      const needed = before + height * columns;
      if (config.maxPositions < needed) {
        refuse(
          'maxPositions',
          `a grid of ${height} x ${columns} behind ${before} tokens needs ${needed} positions, got ${config.maxPositions}.`,
        );
      }
    }
  });

function layersText({ layers, width }: { readonly layers: number; readonly width: number }): string {
  return `${layers.toLocaleString('en')} layers of width ${width.toLocaleString('en')}`;
}

/** What a caller writes: everything with a default may be left out. */
export type TransformerConfigInput = z.input<typeof transformerConfigSchema>;

/** A complete description of a transformer. */
export type TransformerConfig = z.output<typeof transformerConfigSchema>;

/**
 * Checks a config and fills in the defaults. A complete config passes unchanged.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function transformerConfig(input: TransformerConfigInput): TransformerConfig {
  const result = transformerConfigSchema.safeParse(input);
  if (!result.success) throw new ConfigError(`TransformerConfig: ${z.prettifyError(result.error)}`);
  return result.data;
}
