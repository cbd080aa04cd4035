import { ConfigError } from '@foretoken/nn';
import { HostRandom, type StepProfile } from '@foretoken/tensor';
import { DecodingSteps, NOT_FINITE } from './decoding.js';
import { checkOptions, type GenerateOptions } from './generate-options.js';
import { checkLogits, nonFiniteLogits } from './generation-error.js';
import { checkGuidance, guide } from './guidance.js';
import { inChannels, layOutPrompts, type Prompt } from './prompt-layout.js';
import { type SamplingOptions, sampleToken } from './sampling.js';
import type { Transformer } from './transformer.js';

export interface TokenGeneratorConfig {
  /** Most prompts at a time; half as many with guidance. */
  readonly batch: number;
  /** Tokens of the longest prompt and its continuation. Default `maxPositions` of the model. */
  readonly capacity?: number;
  /** Ids of one prompt token. Default 1. Generated tokens fill channel 0. */
  readonly channels?: number;
  /** Tokens of a prompt see the whole prompt: for models trained so. Default false. */
  readonly bidirectionalPrefix?: boolean;
  /** Prompts are filled up to a multiple of so many tokens: each new length compiles a plan of its own. Default 1. */
  readonly promptMultiple?: number;
}

/** One new token for each prompt, -1 for those that have ended: by a stop token, or where their room does. */
export interface GeneratedTokens {
  /** 0 for the first new token. */
  readonly step: number;
  readonly tokens: Int32Array;
}

/**
 * Generates with a key/value cache, in steps that are compiled once and used again: keep one for repeated
 * evaluations of a model in training, since it always reads the parameters as they are.
 */
export class TokenGenerator {
  readonly #model: Transformer;
  readonly #config: Required<TokenGeneratorConfig>;
  readonly #steps = new Map<boolean, DecodingSteps>();

  /** @throws ConfigError when the capacity exceeds the positions of the model */
  constructor(model: Transformer, config: TokenGeneratorConfig) {
    const { maxPositions, positions } = model.config;
    const { batch, capacity = maxPositions, channels = 1 } = config;
    const { bidirectionalPrefix = false, promptMultiple = 1 } = config;
    for (const [name, value] of Object.entries({ batch, capacity, channels, promptMultiple })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new ConfigError(`TokenGenerator: ${name} must be a whole number of at least 1, got ${value}.`);
      }
    }
    if (positions !== 'none' && capacity > maxPositions) {
      throw new ConfigError(
        `TokenGenerator: capacity ${capacity} exceeds maxPositions ${maxPositions} of the model.`,
      );
    }
    this.#model = model;
    this.#config = { batch, capacity, channels, bidirectionalPrefix, promptMultiple };
  }

  /** Yields one token for each prompt at a time, until all have ended. */
  stream(prompts: readonly Prompt[], options: GenerateOptions): AsyncGenerator<GeneratedTokens, void> {
    return this.#stream(prompts, options, 0);
  }

  /** @param first - index of the first prompt among those of the call: each draws from the stream of its index */
  async *#stream(
    prompts: readonly Prompt[],
    options: GenerateOptions,
    first: number,
  ): AsyncGenerator<GeneratedTokens, void> {
    checkOptions(options);
    const { stopTokens = [], seed = 0, firstStream = 0, guidance } = options;
    if (guidance !== undefined) checkGuidance(guidance, prompts.length);
    const isGreedy = options.greedy === true || options.temperature === 0;
    // Guided tokens are chosen on the host, from the logits of two sequences.
    const chosenByDevice = isGreedy && guidance === undefined;
    const sampling = isGreedy ? { temperature: 0 } : options;
    const read = [...prompts, ...(guidance?.prompts ?? [])];
    const { tokens, padding, time, limits } = layOutPrompts(read, options, this.#model.config, this.#config);
    // Of a guided prompt, what stands for it has to fit as well.
    const rowLimits = prompts.map((_, row) =>
      Math.min(limits[row] as number, limits[prompts.length + row] ?? Number.POSITIVE_INFINITY),
    );
    const most = rowLimits.reduce((all, limit) => Math.max(all, limit), 0);
    if (most === 0) return;
    const steps = this.#stepsFor(chosenByDevice);
    const firstPrompt = firstStream + first;
    const streams = prompts.map((_, row) => new HostRandom(seed, firstPrompt + row));
    const ended = rowLimits.map((limit) => limit === 0);
    const unread = inChannels(new Int32Array(0), this.#config);
    let output = steps.prefill(tokens, padding);
    // Greedy, the next pass knows its token without us: it is on its way while this one's token is read.
    let ahead: typeof output | undefined;
    try {
      for (let step = 0; ; step++) {
        const isLast = step + 1 === most;
        if (chosenByDevice && !isLast) ahead = steps.append(unread, padding, time + step);
        const given = await output;
        const chosen = chosenByDevice
          ? checkChosen(given, { ended, first: firstPrompt, step })
          : this.#sample(given as Float32Array, sampling, streams, {
              ended,
              first: firstPrompt,
              step,
              scale: guidance?.scale,
            });
        const yielded = Int32Array.from(prompts, (_, row) => {
          if (stopTokens.includes(chosen[row] as number)) ended[row] = true;
          return ended[row] ? -1 : (chosen[row] as number);
        });
        if (ended.every(Boolean)) return;
        yield { step, tokens: yielded };
        rowLimits.forEach((limit, row) => {
          if (step + 1 >= limit) ended[row] = true;
        });
        if (ended.every(Boolean)) return;
        const next = guidance === undefined ? yielded : twice(yielded);
        output = ahead ?? steps.append(inChannels(next, this.#config), padding, time + step);
      }
    } finally {
      await ahead;
    }
  }

  /** The new tokens of each prompt, without the stop token. Prompts beyond `batch` wait for their turn. */
  async generate(prompts: readonly Prompt[], options: GenerateOptions): Promise<number[][]> {
    const { guidance } = options;
    const size = guidance === undefined ? this.#config.batch : Math.floor(this.#config.batch / 2);
    if (size === 0) throw new ConfigError('generate: guidance needs a batch of at least 2, got 1.');
    if (guidance !== undefined) checkGuidance(guidance, prompts.length);
    const results: number[][] = [];
    for (let start = 0; start < prompts.length; start += size) {
      const group = prompts.slice(start, start + size);
      const rows = group.map((): number[] => []);
      const hidden = guidance && { ...guidance, prompts: guidance.prompts.slice(start, start + size) };
      for await (const { tokens } of this.#stream(group, { ...options, guidance: hidden }, start)) {
        rows.forEach((row, at) => {
          if ((tokens[at] as number) >= 0) row.push(tokens[at] as number);
        });
      }
      for (const row of rows) results.push(row);
    }
    return results;
  }

  /**
   * Times each kernel of one more greedy token with a full cache, between generations.
   *
   * @throws ForetokenError when the adapter has no timestamp queries
   */
  profile(): Promise<StepProfile> {
    return this.#stepsFor(true).profile();
  }

  /** Frees the cache and the compiled steps. */
  dispose(): void {
    for (const steps of this.#steps.values()) steps.dispose();
    this.#steps.clear();
  }

  #stepsFor(greedy: boolean): DecodingSteps {
    const steps = this.#steps.get(greedy) ?? new DecodingSteps(this.#model, { ...this.#config, greedy });
    this.#steps.set(greedy, steps);
    return steps;
  }

  /** A token for each stream; with guidance, the logits behind hidden prompts follow those behind the prompts. */
  #sample(
    logits: Float32Array,
    options: SamplingOptions,
    streams: readonly HostRandom[],
    { ended, first, step, scale }: StepOfBatch & { readonly scale: number | undefined },
  ): Int32Array {
    const { vocabularySize } = this.#model.config;
    const rowOf = (row: number): Float32Array =>
      logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
    return Int32Array.from(streams, (stream, row) => {
      if (ended[row]) return -1;
      const own = scale === undefined ? rowOf(row) : guide(rowOf(row), rowOf(streams.length + row), scale);
      checkLogits(own, first + row, step);
      return sampleToken(own, options, stream);
    });
  }
}

/** Where a generation stands. */
interface StepOfBatch {
  readonly ended: readonly boolean[];
  /** Index of the first prompt of the batch. */
  readonly first: number;
  readonly step: number;
}

/** @throws GenerationError when the logits of a row that has not ended were not finite */
function checkChosen<Chosen extends ArrayLike<number>>(
  chosen: Chosen,
  { ended, first, step }: StepOfBatch,
): Chosen {
  const row = ended.findIndex((isOver, at) => !isOver && chosen[at] === NOT_FINITE);
  if (row !== -1) throw nonFiniteLogits(first + row, step);
  return chosen;
}

/** A list with itself behind it: with guidance each prompt is answered twice. */
function twice(tokens: Int32Array): Int32Array {
  const both = new Int32Array(2 * tokens.length);
  both.set(tokens);
  both.set(tokens, tokens.length);
  return both;
}
