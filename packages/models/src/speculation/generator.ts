// V vocabulary, K drafts.
import { ConfigError } from '@foretoken/nn';
import { HostRandom } from '@foretoken/tensor';
import { NOT_FINITE } from '../decoding.js';
import { checkOptions, type GenerateOptions } from '../generate-options.js';
import { checkLogits, nonFiniteLogits } from '../generation-error.js';
import { newTokenLimit, type Prompt } from '../prompt-layout.js';
import { draw, tokenProbabilities } from '../sampling.js';
import type { Transformer } from '../transformer.js';
import { type Verdict, verifyGreedy, verifySampled } from './acceptance.js';
import type { Drafter } from './drafter.js';
import { SpeculationCounter, type SpeculationReport } from './report.js';
import { SpeculativeSteps } from './steps.js';

export interface SpeculativeGeneratorConfig {
  /** Tokens of the longest prompt and its continuation. Default `maxPositions` of the model. */
  readonly capacity?: number;
  /** Tokens of a prompt see the whole prompt: for models trained so. Default false. */
  readonly bidirectionalPrefix?: boolean;
}

/** Drafts, and in sampling the probabilities that they were drawn by. */
interface Draft {
  readonly tokens: readonly number[];
  readonly probabilities: readonly Float64Array[];
}

/** Chooses tokens and verifies drafts from what a pass gives. */
interface Chooser {
  /** The token that the prediction in row `row` makes. */
  choose(row: number): number;
  /** Drafts from K rows, from `first` on. */
  draft(first: number): Draft;
  /** Compares drafts with the model's predictions in the first rows. */
  verify(draft: Draft): Verdict;
}

const rowsFrom = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, at) => first + at);

/** Whose token is chosen, for messages. */
interface ChosenFor {
  readonly prompt: number;
  /** New tokens so far. */
  readonly step: number;
}

function greedyChooser(output: Int32Array, draftCount: number, { prompt, step }: ChosenFor): Chooser {
  const at = (row: number): number => {
    const token = output[row] as number;
    if (token === NOT_FINITE) throw nonFiniteLogits(prompt, step);
    return token;
  };
  return {
    choose: at,
    draft: (first) => ({ tokens: rowsFrom(first, draftCount).map(at), probabilities: [] }),
    verify: ({ tokens }) => verifyGreedy(tokens, rowsFrom(0, tokens.length + 1).map(at)),
  };
}

function samplingChooser(
  output: Float32Array,
  draftCount: number,
  vocabulary: number,
  options: GenerateOptions,
  random: HostRandom,
  { prompt, step }: ChosenFor,
): Chooser {
  const at = (row: number): Float64Array => {
    const logits = output.subarray(row * vocabulary, (row + 1) * vocabulary);
    checkLogits(logits, prompt, step);
    return tokenProbabilities(logits, options);
  };
  return {
    choose: (row) => draw(at(row), random),
    draft: (first) => {
      const probabilities = rowsFrom(first, draftCount).map(at);
      return { tokens: probabilities.map((each) => draw(each, random)), probabilities };
    },
    verify: ({ tokens, probabilities }) =>
      verifySampled(tokens, rowsFrom(0, tokens.length + 1).map(at), probabilities, random),
  };
}

/**
 * Generates several tokens a pass: a drafter guesses tokens ahead, and the next pass of the model verifies them while the
 * drafter guesses again. Greedy, the tokens are those of `TokenGenerator`, one by one; sampled, they have the same
 * distribution (but other draws for a seed). One sequence at a time.
 */
export class SpeculativeGenerator {
  readonly #model: Transformer;
  readonly #drafter: Drafter;
  readonly #config: Required<SpeculativeGeneratorConfig>;
  readonly #steps = new Map<boolean, SpeculativeSteps>();
  readonly #counter: SpeculationCounter;

  /** @throws ConfigError when the capacity exceeds the positions of the model */
  constructor(model: Transformer, drafter: Drafter, config: SpeculativeGeneratorConfig = {}) {
    const { maxPositions, positions } = model.config;
    const { capacity = maxPositions, bidirectionalPrefix = false } = config;
    if (!Number.isInteger(capacity) || capacity < 1)
      throw new ConfigError(
        `SpeculativeGenerator: capacity must be a whole number of at least 1, got ${capacity}.`,
      );
    if (positions !== 'none' && capacity > maxPositions)
      throw new ConfigError(
        `SpeculativeGenerator: capacity ${capacity} exceeds maxPositions ${maxPositions} of the model.`,
      );
    this.#model = model;
    this.#drafter = drafter;
    this.#config = { capacity, bidirectionalPrefix };
    this.#counter = new SpeculationCounter(drafter.draftCount);
  }

  /** What became of the drafts of everything generated so far. */
  get report(): SpeculationReport {
    return this.#counter.report();
  }

  /** Yields the new tokens of each pass, without the stop token. */
  async *stream(prompt: Prompt, options: GenerateOptions): AsyncGenerator<readonly number[], void> {
    checkOptions(options);
    const { stopTokens = [], seed = 0, firstStream = 0, guidance } = options;
    if (guidance !== undefined)
      throw new ConfigError('generate: guidance reads two sequences a token; leave it out with drafts.');
    const { draftCount } = this.#drafter;
    this.#checkPrompt(prompt);
    const limit = newTokenLimit(prompt.length, this.#config.capacity, options);
    if (limit === 0) return;
    const greedy = options.greedy === true || options.temperature === 0;
    const steps = this.#stepsFor(greedy);
    const random = new HostRandom(seed, firstStream);
    const { vocabularySize } = this.#model.config;
    let left = limit;
    const read = (output: Int32Array | Float32Array): Chooser => {
      const chosenFor = { prompt: firstStream, step: limit - left };
      return output instanceof Int32Array
        ? greedyChooser(output, draftCount, chosenFor)
        : samplingChooser(output, draftCount, vocabularySize, options, random, chosenFor);
    };
    const first = read(await steps.prefill(Int32Array.from(prompt)));
    let last = first.choose(0);
    let draft = first.draft(1);
    let fresh = [last];
    for (let place = prompt.length; ; ) {
      const stop = fresh.findIndex((token) => stopTokens.includes(token));
      const kept = fresh.slice(0, Math.min(left, stop === -1 ? left : stop));
      if (kept.length > 0) yield kept;
      left -= kept.length;
      if (stop !== -1 || left === 0) return;
      const tokens = Int32Array.of(last, ...draft.tokens);
      const chooser = read(await steps.verify(tokens, place));
      const { accepted, next } = chooser.verify(draft);
      fresh = [...draft.tokens.slice(0, accepted), next];
      this.#counter.add(draftCount, accepted, Math.min(fresh.length, left));
      // Behind the predictions for all tokens of the pass lie K drafts for each of them.
      draft = chooser.draft(draftCount + 1 + accepted * draftCount);
      place += accepted + 1;
      last = next;
    }
  }

  /** The new tokens of a prompt, without the stop token. */
  async generate(prompt: Prompt, options: GenerateOptions): Promise<number[]> {
    const tokens: number[] = [];
    for await (const fresh of this.stream(prompt, options)) tokens.push(...fresh);
    return tokens;
  }

  /** Frees the cache and the compiled steps. */
  dispose(): void {
    for (const steps of this.#steps.values()) steps.dispose();
    this.#steps.clear();
  }

  #stepsFor(greedy: boolean): SpeculativeSteps {
    const steps =
      this.#steps.get(greedy) ??
      new SpeculativeSteps(this.#model, this.#drafter, { ...this.#config, greedy });
    this.#steps.set(greedy, steps);
    return steps;
  }

  #checkPrompt(prompt: Prompt): void {
    const { vocabularySize } = this.#model.config;
    const wrong = Array.from(prompt).findIndex(
      (id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize,
    );
    if (prompt.length === 0) throw new ConfigError('generate: the prompt has no ids; expected at least one.');
    if (wrong !== -1)
      throw new ConfigError(
        `generate: the prompt has id ${prompt[wrong]} at ${wrong}; expected 0 to ${vocabularySize - 1}.`,
      );
  }
}
