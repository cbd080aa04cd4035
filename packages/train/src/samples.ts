import type { TextTokenizer } from '@foretoken/data';
import { TokenGenerator, type Transformer } from '@foretoken/models';
import { RecipeError } from './errors.js';
import type { TextSample } from './events.js';

/** What is written while a model trains. */
export interface SampleSettings {
  /** Texts to continue. */
  readonly prompt: string | readonly string[];
  /** Tokens of each continuation. */
  readonly tokens: number;
  /** 0 always takes the likeliest token. */
  readonly temperature: number;
  /** Draw among so many of the likeliest tokens only. */
  readonly topK?: number | undefined;
}

/** Writes texts with a model as it is now. */
export interface Sampler {
  /** @param step - draws differ from step to step, and are the same when the run is repeated */
  sample(step: number, signal?: AbortSignal): Promise<TextSample[]>;
  dispose(): void;
}

/** What a sampler is made for. */
export interface SamplerRequest {
  readonly model: Transformer;
  readonly tokenizer: TextTokenizer;
  readonly settings: SampleSettings;
  readonly seed: number;
  /** Whether the model was shown where texts end. */
  readonly endsTexts: boolean;
  /** Whether the model reads prompts in both directions. */
  readonly bidirectionalPrefix: boolean;
}

/** Streams of random numbers that one evaluation may use. */
const STREAMS_PER_STEP = 4096;
/** Behind those that other parts of a run draw from. */
const FIRST_STREAM = 2 ** 20;

/** @throws RecipeError for a prompt without a token, or one that leaves no room */
function encodePrompt(text: string, { tokenizer, model }: SamplerRequest): number[] {
  const ids = tokenizer.encode(text, { begin: tokenizer.addsBeginToken });
  if (ids.length === 0 && tokenizer.beginToken !== undefined) ids.push(tokenizer.beginToken);
  const { maxPositions, positions } = model.config;
  if (ids.length === 0)
    throw new RecipeError('samples.prompt: is empty, and the tokenizer has no token that begins a text.');
  if (positions !== 'none' && ids.length >= maxPositions) {
    throw new RecipeError(
      `samples.prompt: has ${ids.length} tokens, and the model reads ${maxPositions}. Shorten it.`,
    );
  }
  return ids;
}

/** Continues prompts. A text longer than the model reads goes on behind the newer half of what fits. */
export class TextSampler implements Sampler {
  readonly #request: SamplerRequest;
  readonly #prompts: readonly { readonly text: string; readonly ids: readonly number[] }[];
  readonly #capacity: number;
  readonly #generator: TokenGenerator;

  /** @throws RecipeError for a prompt that cannot be continued */
  constructor(request: SamplerRequest) {
    const { model, settings, bidirectionalPrefix } = request;
    this.#request = request;
    this.#prompts = [settings.prompt].flat().map((text) => ({ text, ids: encodePrompt(text, request) }));
    const longest = this.#prompts.reduce((most, { ids }) => Math.max(most, ids.length), 0);
    const { maxPositions, positions } = model.config;
    const wanted = longest + settings.tokens;
    this.#capacity = positions === 'none' ? wanted : Math.min(maxPositions, wanted);
    this.#generator = new TokenGenerator(model, { batch: 1, capacity: this.#capacity, bidirectionalPrefix });
  }

  async sample(step: number, signal?: AbortSignal): Promise<TextSample[]> {
    const samples: TextSample[] = [];
    for (const [index, { text, ids }] of this.#prompts.entries()) {
      const first = FIRST_STREAM + step * STREAMS_PER_STEP + index;
      samples.push({ prompt: text, text: await this.#continue(ids, first, signal) });
    }
    return samples;
  }

  /** @param stream - number of the stream that the first part draws from; further ones follow in steps of the prompts */
  async #continue(prompt: readonly number[], stream: number, signal?: AbortSignal): Promise<string> {
    const { tokenizer, settings, seed, endsTexts } = this.#request;
    const { tokens, temperature, topK } = settings;
    const stopTokens = tokenizer.endToken === undefined || !endsTexts ? [] : [tokenizer.endToken];
    const written = tokenizer.stream([...prompt]);
    let [read, text, left] = [[...prompt], '', tokens];
    for (let part = 0; left > 0; part++) {
      const wanted = Math.min(left, this.#capacity - read.length);
      const fresh: number[] = [];
      const options = {
        maxNewTokens: wanted,
        temperature,
        ...(topK === undefined ? {} : { topK }),
        stopTokens,
        seed,
        firstStream: stream + part * this.#prompts.length,
      };
      for await (const { tokens: next } of this.#generator.stream([read], options)) {
        signal?.throwIfAborted();
        if ((next[0] as number) >= 0) fresh.push(next[0] as number);
      }
      for (const id of fresh) text += written.push(id);
      left -= fresh.length;
      if (fresh.length < wanted) break;
      read = [...read, ...fresh].slice(-Math.max(1, Math.floor(this.#capacity / 2)));
    }
    return text + written.end();
  }

  dispose(): void {
    this.#generator.dispose();
  }
}
