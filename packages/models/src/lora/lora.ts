import { withTimeLimit } from '@foretoken/input';
import { ConfigError, type LowRankAdapter } from '@foretoken/nn';
import type { HostRandom, Variable } from '@foretoken/tensor';
import type { Transformer } from '../transformer.js';
import { type LoraConfig, type LoraConfigInput, loraConfig } from './config.js';
import { type LinearSite, linearSites } from './linear-sites.js';
import { tensorNames } from './peft-names.js';
import { lastPart, patternValue, selectSites } from './targets.js';

/** The adapter of one linear layer, as Hugging Face has them. */
export interface AdaptedSite extends LinearSite {
  readonly adapter: LowRankAdapter;
}

/** Adapters of a model whose own parameters are frozen. `addLora` and `loadLora` make one. */
export class Lora {
  #sites: readonly AdaptedSite[];
  readonly #frozen: readonly Variable[];

  /**
   * @param frozen - parameters that train again once the adapters are gone
   * @param transposed - whether Hugging Face stores the weights of the model `[in, out]`
   */
  constructor(
    readonly model: Transformer,
    readonly config: LoraConfig,
    sites: readonly AdaptedSite[],
    frozen: readonly Variable[],
    readonly transposed: boolean,
    /** What PEFT's files say that the adapters are of: a name of the hub, or a path. */
    readonly baseModel?: string,
  ) {
    this.#sites = sites;
    this.#frozen = frozen;
  }

  /** The adapted linear layers by their names in Hugging Face, in the order of the model. */
  get sites(): readonly AdaptedSite[] {
    return this.#sites;
  }

  /** What trains, by the names that PEFT's files have: `base_model.model.<layer>.lora_A.weight`, and `lora_B`. */
  parameters(): Map<string, Variable> {
    return new Map(
      this.#sites.flatMap(({ name, adapter: { a, b } }): [string, Variable][] => [
        [tensorNames(name).a, a],
        [tensorNames(name).b, b],
      ]),
    );
  }

  /** How many numbers train. */
  parameterCount(): number {
    return [...this.parameters().values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Whether the weights of the model have the adapters in them. */
  get merged(): boolean {
    return this.#sites.some(({ linear }) => linear.merged);
  }

  /**
   * Adds the adapters to the weights: passes cost what they did without adapters, and `savePretrained` writes a model of
   * its own. Copies of the adapted weights are kept for `unmerge`. Nothing trains until then.
   */
  merge(): void {
    for (const linear of this.#linears()) linear.merge();
  }

  /** Puts the copies back that `merge` kept: the weights have the bits that they had before. */
  unmerge(): void {
    for (const linear of this.#linears()) linear.unmerge();
  }

  /** Takes the adapters off and frees them. The model is as it was before, and trains as it did. */
  unload(): void {
    this.#remove(false);
  }

  /** As `unload`, but leaves in the weights what the adapters add. Keeps no copies. */
  mergeAndUnload(): void {
    this.#remove(true);
  }

  #remove(keep: boolean): void {
    for (const linear of this.#linears()) linear.removeAdapters({ keep });
    for (const variable of this.#frozen) variable.trainable = true;
    this.#sites = [];
  }

  /** Each once, though several adapters may share it. */
  #linears(): Set<LinearSite['linear']> {
    return new Set(this.#sites.map(({ linear }) => linear));
  }
}

interface AdapterSize {
  readonly rank: number;
  readonly scale: number;
}

function sizeOfAdapter(
  { rank, alpha, rankStabilized, rankPattern, alphaPattern }: LoraConfig,
  name: string,
): AdapterSize {
  const own = patternValue(rankPattern, name, 'rankPattern') ?? rank;
  const ownAlpha = patternValue(alphaPattern, name, 'alphaPattern') ?? alpha;
  return { rank: own, scale: ownAlpha / (rankStabilized ? Math.sqrt(own) : own) };
}

/** @throws ConfigError where a product of this rank says no less than the weight itself */
function checkRank({ name, linear, start, end }: LinearSite, rank: number): void {
  const [inWidth, outWidth] = [linear.weight.shape[1] as number, end - start];
  if (rank <= Math.min(inWidth, outWidth)) return;
  throw new ConfigError(
    `LoRA config: rank ${rank} is larger than ${name} [${outWidth}, ${inWidth}]; choose at most ${Math.min(inWidth, outWidth)}, or less for it alone with rankPattern.`,
  );
}

/** Freezes all parameters; gives those that trained. */
function freeze(model: Transformer): Variable[] {
  const frozen = [...model.parameters().values()].filter(({ trainable }) => trainable);
  for (const variable of frozen) variable.trainable = false;
  return frozen;
}

/**
 * Freezes a model and puts low-rank adapters (LoRA, arXiv 2106.09685) beside linear layers of it, which go by their names
 * in Hugging Face, queries, keys and values each by itself. An adapter adds nothing at first. Adapters are parameters of the
 * model too (`model.parameters()`), where optimizers find them among frozen ones.
 *
 * @param random - of the first values of A; B starts at 0
 * @throws ConfigError listing what is wrong with the config, when a target means no layer, when a rank is larger than a
 *   layer, and when the model has adapters already
 * @example const lora = addLora(model, { rank: 8, alpha: 16, targets: ['q_proj', 'v_proj'] }, new HostRandom(0))
 */
export function addLora(model: Transformer, input: LoraConfigInput, random: HostRandom): Lora {
  const config = loraConfig(input);
  const plan = planAdapters(model, config);
  for (const { site, size } of plan.adapters) checkRank(site, size.rank);
  return attachAdapters(model, config, plan, { random });
}

/** Finding layers takes a few milliseconds in the largest of models. */
const PATTERN_MILLISECONDS = 1000;

/** Which adapters a model gets. */
export interface AdapterPlan {
  readonly adapters: readonly { readonly site: LinearSite; readonly size: AdapterSize }[];
  readonly transposed: boolean;
}

/** @throws ConfigError as `addLora`, but for ranks; with `unmatched` allowed, targets may mean no layer */
export function planAdapters(
  model: Transformer,
  config: LoraConfig,
  unmatched?: 'refused' | 'allowed',
): AdapterPlan {
  const { sites, transposed } = linearSites(model);
  if (sites.some(({ linear }) => linear.adapters.size > 0))
    throw new ConfigError('LoRA: the model has adapters already; unload() or mergeAndUnload() them first.');
  const choose = (): AdapterPlan['adapters'] =>
    selectSites(sites, config, unmatched).map((site) => ({
      site,
      size: sizeOfAdapter(config, site.name),
    }));
  // Patterns of a file may backtrack for ever.
  const adapters = withTimeLimit(choose, {
    what: 'LoRA config: finding the layers that targets, exclude and the patterns mean',
    milliseconds: PATTERN_MILLISECONDS,
    error: ConfigError,
  });
  return { adapters, transposed };
}

/** Freezes the model and makes the adapters. @param random - without it they are 0, for values that are loaded next */
export function attachAdapters(
  model: Transformer,
  config: LoraConfig,
  { adapters, transposed }: AdapterPlan,
  { random, baseModel }: { readonly random?: HostRandom; readonly baseModel?: string | undefined },
): Lora {
  const frozen = freeze(model);
  const adapted = adapters.map(({ site, size }): AdaptedSite => {
    const { linear, start, end } = site;
    const settings = { ...size, start, end, dropout: config.dropout };
    return { ...site, adapter: linear.addAdapter(lastPart(site.name), settings, random) };
  });
  return new Lora(model, config, adapted, frozen, transposed, baseModel);
}
