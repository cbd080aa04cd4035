// P prompt, N = 1 + K tokens of a pass, K drafts, A added places, S slots for tokens, D width, V vocabulary.
import { type CompiledStep, concat, type Tensor } from '@foretoken/tensor';
import { KeyValueCache } from '../cache.js';
import { likeliest } from '../decoding.js';
import { type TokenMetadata, visible } from '../masks.js';
import type { Transformer, TrunkInputs } from '../transformer.js';
import type { AddedPlaces, Drafter, DraftPass } from './drafter.js';

export interface SpeculativeOptions {
  /** Tokens of prompt and continuation. */
  readonly capacity: number;
  /** Tokens of the prompt see the whole prompt. */
  readonly bidirectionalPrefix: boolean;
  /** Give the likeliest tokens instead of logits. */
  readonly greedy: boolean;
}

type Inputs = { readonly tokens: Tensor; readonly start: Tensor };

/**
 * The two compiled steps of speculation, for one sequence: the prompt at once, then N tokens at a time. Both give, for
 * each of their last tokens, what the model predicts next and what the drafter guesses behind that. Shapes never change,
 * so the steps are traced once (the first one for each length of prompt).
 *
 * Tokens lie in the cache in slots of their places, so a rejected draft is simply written over. Places that the drafter
 * adds lie behind all tokens.
 */
export class SpeculativeSteps {
  readonly #model: Transformer;
  readonly #drafter: Drafter;
  readonly #options: SpeculativeOptions;
  readonly #cache: KeyValueCache;
  readonly #tokenSlots: number;
  readonly #prefill: CompiledStep<Inputs, { next: Tensor }>;
  readonly #verify: CompiledStep<Inputs, { next: Tensor }>;

  constructor(model: Transformer, drafter: Drafter, options: SpeculativeOptions) {
    const { device, config } = model;
    const passTokens = drafter.draftCount + 1;
    this.#model = model;
    this.#drafter = drafter;
    this.#options = options;
    // The last pass may draft beyond the end.
    this.#tokenSlots = options.capacity + drafter.draftCount;
    this.#cache = new KeyValueCache(
      device,
      { ...config, layers: config.layers + drafter.cacheLayers },
      { batch: 1, capacity: this.#tokenSlots + drafter.addedPlaces(passTokens) },
    );
    this.#prefill = device.compile((inputs: Inputs) => this.#pass(inputs, 'prefill'), {
      name: 'speculative prefill',
    });
    this.#verify = device.compile((inputs: Inputs) => this.#pass(inputs, 'verify'), { name: 'verify' });
  }

  /** Runs a prompt `[P]`: tokens i32 `[1 + K]`, or logits `[1 + K, V]`. */
  prefill(tokens: Int32Array): Promise<Int32Array | Float32Array> {
    return this.#run(this.#prefill, tokens, 0);
  }

  /** Runs N tokens from place `start` on: tokens i32 `[N (1 + K)]`, or logits `[N (1 + K), V]`; the N predictions first. */
  verify(tokens: Int32Array, start: number): Promise<Int32Array | Float32Array> {
    return this.#run(this.#verify, tokens, start);
  }

  dispose(): void {
    this.#prefill.dispose();
    this.#verify.dispose();
    this.#cache.dispose();
  }

  async #run(
    step: CompiledStep<Inputs, { next: Tensor }>,
    tokens: Int32Array,
    start: number,
  ): Promise<Int32Array | Float32Array> {
    const { next } = step.run({
      tokens: { data: tokens, shape: [1, tokens.length] },
      start: { data: Int32Array.of(start), shape: [] },
    });
    const values = await next.data();
    next.dispose();
    return values as Int32Array | Float32Array;
  }

  #pass({ tokens, start }: Inputs, kind: 'prefill' | 'verify'): { next: Tensor } {
    const [model, drafter] = [this.#model, this.#drafter];
    const time = tokens.shape[1] as number;
    const places = model.device.arange(time, 'i32').add(start).unsqueeze(0);
    const read = (added?: AddedPlaces): Omit<TrunkInputs, 'tokens' | 'embeddings'> =>
      kind === 'prefill' ? this.#readPrompt(places, added) : this.#readMore(places, added);
    const pass: DraftPass = {
      model,
      places,
      wanted: kind === 'prefill' ? 1 : time,
      residual: (added) => model.residual({ ...read(added), ...inputsOf(tokens, added) }),
      blockInputs: (layer) => {
        const inputs = read();
        return { ...model.context(inputs), cache: inputs.cache?.layer(model.config.layers + layer) };
      },
    };
    const logits = model.logits(model.finalNorm.forward(drafter.propose(pass))).squeeze(0);
    return { next: this.#options.greedy ? likeliest(logits) : logits };
  }

  /** Prompt and additions see one another only: the cache is filled, and nothing is read from it. */
  #readPrompt(places: Tensor, added: AddedPlaces | undefined): Omit<TrunkInputs, 'tokens' | 'embeddings'> {
    const metadata = metadataOf(places, added, 1);
    return {
      positions: this.#positions(places, added),
      mask: visible(metadata, metadata, { bidirectional: this.#options.bidirectionalPrefix }),
      cache: this.#cache.prefill(),
    };
  }

  #readMore(places: Tensor, added: AddedPlaces | undefined): Omit<TrunkInputs, 'tokens' | 'embeddings'> {
    const { device } = places;
    const slots = device.arange(this.#tokenSlots, 'i32').unsqueeze(0);
    const addedSlots = added && device.arange(added.order.size, 'i32').add(this.#tokenSlots).unsqueeze(0);
    const written = addedSlots === undefined ? places : concat([places, addedSlots], 1);
    return {
      positions: this.#positions(places, added),
      mask: visible(metadataOf(places, added, 0), metadataOf(slots, added, 0)),
      keyPositions: this.#positions(slots, added),
      cache: this.#cache.append(written.squeeze(0)),
    };
  }

  /** Drafts may lie beyond the last position; they are never kept, and must only have some position. */
  #positions(places: Tensor, added: AddedPlaces | undefined): Tensor {
    const all = added === undefined ? places : concat([places, added.positions], 1);
    return all.minimum(this.#model.config.maxPositions - 1);
  }
}

function metadataOf(places: Tensor, added: AddedPlaces | undefined, prefix: 0 | 1): TokenMetadata {
  const { device } = places;
  const count = places.size;
  if (added === undefined) {
    return {
      order: places,
      segment: device.zeros([1, count], 'i32'),
      prefix: device.full([1, count], prefix, 'i32'),
    };
  }
  const addedCount = added.order.size;
  const slot = device.arange(count + addedCount, 'i32').sub(count - 1);
  return {
    order: concat([places, added.order], 1),
    segment: device.zeros([1, count + addedCount], 'i32'),
    slot: slot.maximum(0).unsqueeze(0),
    prefix: slot.le(0).cast('i32').mul(prefix).unsqueeze(0),
  };
}

/** Tokens, with no token where there is an addition, and vectors the other way round. */
function inputsOf(
  tokens: Tensor,
  added: AddedPlaces | undefined,
): Pick<TrunkInputs, 'tokens' | 'embeddings'> {
  if (added === undefined) return { tokens };
  const count = tokens.shape[1] as number;
  const none = tokens.device.full([1, added.order.size], -1, 'i32');
  return {
    tokens: concat([tokens, none], 1),
    embeddings: added.embeddings.pad(1, count, 0),
  };
}
