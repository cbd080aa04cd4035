import { ConfigError, MLP_KINDS } from '@foretoken/nn';
import { z } from 'zod';

/** Bounded far above any model: what a config asks for is multiplied, and taken from memory. */
const MOST = 2 ** 24;

/** A width, or a number of heads, tokens, channels. */
export const sizeCount = z.int().positive().max(MOST, `at most ${MOST}`);

/** Position ids, which cost nothing where no table has a row for each. */
export const positionCount = z
  .int()
  .positive()
  .max(2 ** 31 - 1, `at most ${2 ** 31 - 1}`);

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
    /** Token embeddings; also the output where it is tied to them. */
    embedding: z.number().nonnegative().default(0.02),
    /** Learned positions. */
    positions: z.number().nonnegative().default(0.02),
    /** What reads the residual stream: queries, keys, values, the input of the MLP. */
    input: spread.default(0.02),
    /** What writes to the residual stream: the outputs of attention and MLP. */
    residual: spread.default(0.02),
    /** Divide `residual` by sqrt(2 * layers), so that the stream does not grow with depth (GPT-2, section 2.3). */
    scaleResidual: z.boolean().default(true),
    /** The output, where it is not tied. */
    output: spread.default(0.02),
  })
  .prefault({});

/** Which layers of linear maps, and whether norms, have a bias. */
const biases = z.strictObject({
  queryKeyValue: z.boolean(),
  attentionOutput: z.boolean(),
  mlp: z.boolean(),
  /** Of layer norms; RMS norms have none. */
  norm: z.boolean(),
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
  /** How many position ids a query sees, its own included. */
  size: positionCount,
  /** The layers whose attention has the window; default all of them. */
  layers: z.array(z.int().nonnegative()).max(MOST_LISTED).readonly().optional(),
});

const grid = z.strictObject({
  height: count,
  width: count,
  /** Position ids in front of the grid: of a class token, of registers. */
  before: z.int().nonnegative().max(MOST).default(0),
});

const schema = z
  .strictObject({
    /** Rows of the first embedding table, and classes of the output; 0 for a trunk that reads vectors alone. */
    vocabularySize: z.int().nonnegative().max(MOST, `at most ${MOST}`),
    /** Rows of the tables of further channels, for tokens `[B, T, C]` of several ids each. */
    channelVocabularySizes: z.array(count).max(MOST_LISTED).readonly().default([]),
    width: count,
    layers: layerCount,
    heads: count,
    /** Default `heads`; fewer for grouped-query attention. */
    keyValueHeads: count.optional(),
    /** Default `width / heads`. */
    headWidth: count.optional(),
    /** Position ids run from 0 to `maxPositions - 1`. */
    maxPositions: positionCount,
    /** The kinds in two dimensions go by rows and columns of `grid`. */
    positions: z.enum(['learned', 'rotary', 'rotary2d', 'sinusoidal', 'sinusoidal2d', 'none']),
    /** Where tokens lie in a grid: position id `before + row * width + column`. */
    grid: grid.optional(),
    rotary: z
      .strictObject({
        base: z.number().positive().default(10000),
        layout: z.enum(['half', 'interleaved']).default('half'),
        /** Stretches positions beyond the context that the model was trained on first. */
        scaling: rotaryScaling.optional(),
      })
      .prefault({}),
    /** Factor of the sum of all embeddings, before positions are added. */
    embeddingScale: z.number().positive().default(1),
    /** Factor of the attention scores. Default `1 / sqrt(headWidth)`. */
    attentionScale: z.number().positive().optional(),
    /** Attention scores become `cap * tanh(scores / cap)`; not capped when absent. */
    attentionSoftCap: z.number().positive().optional(),
    /** Logits become `cap * tanh(logits / cap)`; not capped when absent. */
    logitSoftCap: z.number().positive().optional(),
    /** Attention to the nearest position ids only, in all layers or in some; everywhere to all when absent. */
    slidingWindow: slidingWindow.optional(),
    norm: z.enum(['layer', 'rms']),
    normEps: z.number().positive().default(1e-5),
    /** Added to the weights of RMS norms, which start lower by as much. */
    normWeightOffset: z.number().default(0),
    /** A norm behind every attention and MLP too, before the residual stream takes their result. */
    outputNorms: z.boolean().default(false),
    /** `none` makes attention-only blocks. */
    mlp: z.enum(['none', ...MLP_KINDS]),
    /** Hidden width of the MLP. Default `4 * width`. */
    mlpWidth: count.optional(),
    /** Biases of linear layers and layer norms: all or none, or by kind. */
    bias,
    /** The output uses the (first) embedding table. */
    tiedEmbeddings: z.boolean(),
    /** After the embeddings and after every attention and MLP; acts only in passes that are given a key. */
    dropout: z.number().nonnegative().lt(1).default(0),
    /**
     * What training keeps of the forward pass: all that gradients need, or only what enters each block, the rest of
     * which is then computed again. Changes memory and time, no results.
     */
    activationCheckpointing: z.enum(['none', 'blocks']).default('none'),
    /** `f16` rounds what linear layers and attention read and keep; parameters, norms, sums and losses are f32. */
    precision: z.enum(['f32', 'f16']).default('f32'),
    initialization,
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

/** What a caller writes: everything with a default may be left out. */
export type TransformerConfigInput = z.input<typeof schema>;

/** A complete description of a transformer. */
export type TransformerConfig = z.output<typeof schema>;

/**
 * Checks a config and fills in the defaults. A complete config passes unchanged.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function transformerConfig(input: TransformerConfigInput): TransformerConfig {
  const result = schema.safeParse(input);
  if (!result.success) throw new ConfigError(`TransformerConfig: ${z.prettifyError(result.error)}`);
  return result.data;
}
