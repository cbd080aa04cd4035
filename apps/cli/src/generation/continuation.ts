import { type GenerateOptions, SpeculativeGenerator, TokenGenerator } from '@foretoken/models';
import { UsageError } from '../errors.js';
import type { TextModel } from '../models/open-model.js';
import type { LoadedDrafter } from './drafter.js';
import { StopText } from './stop-text.js';

export interface ContinueOptions extends Omit<GenerateOptions, 'stopTokens' | 'whenFull'> {
  /** Texts before which a continuation ends. */
  readonly stops: readonly string[];
  /** Ends the continuations where they are. */
  readonly signal?: AbortSignal;
}

/** What a prompt was continued with: the JSON that is printed. */
export interface Continuation {
  readonly text: string;
  /** New tokens, without the stop token. */
  readonly ids: readonly number[];
  /** Of this sequence alone, from the second pass on: the first two read the prompt, and make the kernels ready. */
  readonly tokensPerSecond: number;
  /** Share of the drafts that were accepted; null without drafts. */
  readonly acceptanceRate: number | null;
}

/** New tokens of one prompt of a group. */
interface Fresh {
  readonly row: number;
  readonly tokens: readonly number[];
}

/** Tokens that a cache has room for at least, so that short turns of a conversation share one. */
const LEAST_CAPACITY = 512;

const longestOf = (prompts: readonly (readonly number[])[]): number =>
  prompts.reduce((most, { length }) => Math.max(most, length), 0);

/** One continuation that is being written. */
class Writing {
  readonly ids: number[] = [];
  readonly #stream;
  readonly #stop: StopText;
  #text = '';
  readonly #arrivals: { readonly time: number; readonly tokens: number }[] = [
    { time: performance.now(), tokens: 0 },
  ];

  constructor({ tokenizer }: TextModel, prompt: readonly number[], stops: readonly string[]) {
    this.#stream = tokenizer.stream(prompt);
    this.#stop = new StopText(stops);
  }

  get ended(): boolean {
    return this.#stop.ended;
  }

  /** The text that these tokens make complete. */
  push(tokens: readonly number[]): string {
    let piece = '';
    for (const token of tokens) {
      if (this.#stop.ended) break;
      this.ids.push(token);
      piece += this.#stop.push(this.#stream.push(token));
    }
    this.#text += piece;
    this.#arrivals.push({ time: performance.now(), tokens: this.ids.length });
    return piece;
  }

  /** What was held back. */
  end(): string {
    const rest = this.#stop.push(this.#stream.end()) + this.#stop.end();
    this.#text += rest;
    return rest;
  }

  result(acceptanceRate: number | null): Continuation {
    const last = this.#arrivals.at(-1) as { time: number; tokens: number };
    // Of a short text, all there is.
    const first = this.#arrivals.length > 3 ? this.#arrivals[2] : this.#arrivals[0];
    const { time, tokens } = first as { time: number; tokens: number };
    const seconds = (last.time - time) / 1000;
    const tokensPerSecond = seconds > 0 ? (last.tokens - tokens) / seconds : 0;
    return { text: this.#text, ids: this.ids, tokensPerSecond, acceptanceRate };
  }
}

/** Continues prompts with a model: plainly and several at a time, or with drafts and one after the other. */
export class Continuer {
  readonly #text: TextModel;
  readonly #batch: number;
  readonly #drafter: LoadedDrafter | undefined;
  #plain: TokenGenerator | undefined;
  #speculative: SpeculativeGenerator | undefined;
  /** Tokens of prompt and continuation that the cache has room for. */
  #capacity = 0;
  /** Drafts made and accepted, before and after each prompt. */
  readonly #drafts: { readonly made: number; readonly accepted: number }[] = [];

  /** @param batch - most prompts at a time */
  constructor(text: TextModel, batch: number, drafter?: LoadedDrafter) {
    this.#text = text;
    this.#batch = batch;
    this.#drafter = drafter;
  }

  /** What became of the drafts, since the cache was last made. */
  get report() {
    return this.#speculative?.report;
  }

  /**
   * Makes room for prompts and their continuations. Optional: `continue` makes what its own prompts need, which is slower
   * where that grows from group to group.
   *
   * @throws UsageError for a prompt that fills the context
   */
  reserve(prompts: readonly (readonly number[])[], maxNewTokens: number): void {
    const context = this.#text.model.config.maxPositions;
    const longest = longestOf(prompts);
    if (longest > context) {
      throw new UsageError(
        `the prompt has ${longest} tokens, and the model reads at most ${context}. Shorten it.`,
      );
    }
    // The last token is not read again.
    this.#makeRoom(Math.min(context, longest + Math.max(0, maxNewTokens - 1)));
  }

  /**
   * Continues a group of prompts, each as far as it would be continued alone.
   *
   * @param onText - gets the text of a prompt as it becomes complete
   * @throws UsageError for a prompt that fills the context
   */
  async continue(
    prompts: readonly (readonly number[])[],
    { stops, signal, ...options }: ContinueOptions,
    onText: (row: number, piece: string) => void = () => undefined,
  ): Promise<Continuation[]> {
    const rows = prompts.map((prompt) => new Writing(this.#text, prompt, stops));
    this.reserve(prompts, options.maxNewTokens);
    const settings = { ...options, whenFull: 'stop', stopTokens: this.#text.stopTokens } as const;
    this.#drafts.length = 0;
    for await (const { row, tokens } of this.#stream(prompts, settings, (row) => rows[row]?.ended === true)) {
      const writing = rows[row] as Writing;
      if (writing.ended) continue;
      const piece = writing.push(tokens);
      if (piece !== '') onText(row, piece);
      if (signal?.aborted === true || rows.every(({ ended }) => ended)) break;
    }
    return rows.map((writing, row) => {
      const rest = writing.end();
      if (rest !== '') onText(row, rest);
      return writing.result(this.#acceptanceRate(row));
    });
  }

  dispose(): void {
    this.#disposeGenerators();
    this.#drafter?.dispose();
  }

  #disposeGenerators(): void {
    this.#plain?.dispose();
    this.#speculative?.dispose();
    this.#plain = undefined;
    this.#speculative = undefined;
  }

  /** Makes the cache larger where it has to be: one for a whole context may take more memory than there is. */
  #makeRoom(tokens: number): void {
    if (tokens <= this.#capacity) return;
    const { model } = this.#text;
    this.#disposeGenerators();
    this.#capacity = Math.min(
      model.config.maxPositions,
      Math.max(tokens, 2 * this.#capacity, LEAST_CAPACITY),
    );
    const capacity = this.#capacity;
    if (this.#drafter === undefined)
      this.#plain = new TokenGenerator(model, { batch: this.#batch, capacity });
    else this.#speculative = new SpeculativeGenerator(model, this.#drafter.drafter, { capacity });
  }

  #countDrafts(): void {
    const offsets = this.report?.offsets ?? [];
    const sum = (of: 'drafted' | 'accepted'): number =>
      offsets.reduce((total, offset) => total + offset[of], 0);
    this.#drafts.push({ made: sum('drafted'), accepted: sum('accepted') });
  }

  #acceptanceRate(row: number): number | null {
    if (this.#speculative === undefined) return null;
    if (this.#drafts.length === row + 1) this.#countDrafts();
    const [before, after] = [this.#drafts[row], this.#drafts[row + 1]];
    if (before === undefined || after === undefined || after.made === before.made) return null;
    return (after.accepted - before.accepted) / (after.made - before.made);
  }

  async *#stream(
    prompts: readonly (readonly number[])[],
    options: GenerateOptions,
    ended: (row: number) => boolean,
  ): AsyncGenerator<Fresh, void> {
    if (this.#speculative !== undefined) {
      this.#countDrafts();
      for (const [row, prompt] of prompts.entries()) {
        const firstStream = (options.firstStream ?? 0) + row;
        for await (const tokens of this.#speculative.stream(prompt, { ...options, firstStream })) {
          yield { row, tokens };
          if (ended(row)) break;
        }
        this.#countDrafts();
      }
      return;
    }
    if (this.#plain === undefined) return;
    for await (const { tokens } of this.#plain.stream(prompts, options)) {
      for (const [row, token] of tokens.entries()) if (token >= 0) yield { row, tokens: [token] };
    }
  }
}
