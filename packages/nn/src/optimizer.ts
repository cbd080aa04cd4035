import { type Device, ForetokenError, type Tensor, type Variable, where } from '@foretoken/tensor';
import { ConfigError } from './errors.js';
import {
  type HostTensor,
  type LoadOptions,
  type LoadReport,
  loadInto,
  type StateDict,
  stateDictOf,
} from './state-dict.js';

/** Parameters that share settings; what a group leaves out comes from the optimizer's config. */
export type ParameterGroup<Config> = { readonly parameters: ReadonlyMap<string, Variable> } & Partial<Config>;

/** What changes from step to step: scalar tensors, so that a compiled step takes them as inputs. */
export interface StepScalars {
  readonly learningRate: Tensor;
  /** 1 for the first update, of any numeric dtype; for bias correction. */
  readonly stepNumber: Tensor;
  /** A bool: where it is false, parameters and the optimizer's variables keep their bits. Default: always true. */
  readonly accept?: Tensor | undefined;
}

interface Entry<Config> {
  readonly name: string;
  readonly variable: Variable;
  readonly config: Config;
}

/**
 * Base of the optimizers. A step makes graph only: assignments to parameters and to the optimizer's own
 * variables, which run with the next evaluation or inside a compiled step.
 */
export abstract class Optimizer<Config extends object> {
  protected readonly entries: readonly Entry<Config>[];
  readonly #state = new Map<string, Variable>();

  /** @param parameters - named parameters, or groups of them with settings of their own */
  constructor(
    parameters: ReadonlyMap<string, Variable> | readonly ParameterGroup<Config>[],
    config: Config,
    slots: (config: Config) => readonly string[],
  ) {
    const groups: readonly ParameterGroup<Config>[] = Array.isArray(parameters)
      ? parameters
      : [{ parameters }];
    const entries: Entry<Config>[] = [];
    const names = new Set<string>();
    for (const { parameters: group, ...own } of groups) {
      for (const [name, variable] of group as ReadonlyMap<string, Variable>) {
        if (!variable.trainable) continue;
        if (names.has(name)) throw new ConfigError(`${new.target.name}: parameter ${name} is in two groups.`);
        names.add(name);
        entries.push({ name, variable, config: { ...config, ...own } });
      }
    }
    if (entries.length === 0) throw new ConfigError(`${new.target.name}: no trainable parameters.`);
    this.entries = entries;
    // Side by side, so that one kernel can update all.
    const { device } = (entries[0] as Entry<Config>).variable;
    device.pack(entries.map(({ variable }) => variable));
    for (const slot of new Set(entries.flatMap((entry) => slots(entry.config)))) {
      const users = entries.filter((entry) => slots(entry.config).includes(slot));
      const variables = users.map((entry) => zerosLike(entry, slot));
      device.pack(variables);
      users.forEach(({ name }, at) => {
        this.#state.set(`${name}.${slot}`, variables[at] as Variable);
      });
    }
  }

  /** The optimizer's own variables, by `parameter.slot`. */
  state(): ReadonlyMap<string, Variable> {
    return this.#state;
  }

  /** The values of the optimizer's own variables, read back from the GPU. */
  stateDict(): Promise<Map<string, HostTensor>> {
    return stateDictOf(this.#state);
  }

  /** @throws StateDictError listing all missing, unexpected and mismatched names */
  loadStateDict(state: StateDict, options?: LoadOptions): LoadReport {
    return loadInto(this.constructor.name, this.#state, state, options);
  }

  /**
   * One update of every parameter that has a gradient.
   *
   * @param gradients - by parameter name; when `undefined`, takes (and clears) `grad` of the parameters
   */
  step(gradients: ReadonlyMap<string, Tensor> | undefined, scalars: StepScalars): void {
    const given =
      gradients ?? takeGradients(new Map(this.entries.map(({ name, variable }) => [name, variable])));
    for (const { name, variable, config } of this.entries) {
      const gradient = given.get(name);
      if (gradient !== undefined) this.update(name, variable, gradient, config, scalars);
    }
  }

  /** Frees the optimizer's own variables; the parameters are not its own. */
  dispose(): void {
    for (const variable of this.#state.values()) variable.dispose();
  }

  protected abstract update(
    name: string,
    variable: Variable,
    gradient: Tensor,
    config: Config,
    scalars: StepScalars,
  ): void;

  /** The next value of a parameter or of a variable of the optimizer, or the old one where the step is not accepted. */
  protected next(variable: Variable, value: Tensor, { accept }: Pick<StepScalars, 'accept'>): Tensor {
    return accept === undefined ? value : where(accept, value, variable);
  }

  protected slot(name: string, slot: string): Variable {
    const variable = this.#state.get(`${name}.${slot}`);
    if (variable === undefined) throw new ForetokenError(`internal: no state ${slot} for parameter ${name}.`);
    return variable;
  }
}

function zerosLike({ name, variable }: { name: string; variable: Variable }, slot: string): Variable {
  const device: Device = variable.device;
  const { shape, size } = variable;
  return device.variable(new Float32Array(size), { shape, name: `${name}.${slot}`, trainable: false });
}

/** The `grad` of each parameter that has one, which is then cleared for the next `backward()`. */
export function takeGradients(parameters: ReadonlyMap<string, Variable>): Map<string, Tensor> {
  const gradients = new Map<string, Tensor>();
  for (const [name, variable] of parameters) {
    if (variable.grad !== undefined) gradients.set(name, variable.grad);
    variable.grad = undefined;
  }
  return gradients;
}

/**
 * Two groups: parameters that weight decay pulls to zero, and those that it leaves alone. By default only
 * tensors of two or more axes decay: weights and embeddings, but no norms and no biases.
 */
export function decayGroups(
  parameters: ReadonlyMap<string, Variable>,
  weightDecay: number,
  decays: (name: string, variable: Variable) => boolean = (_, variable) => variable.rank >= 2,
): { parameters: Map<string, Variable>; weightDecay: number }[] {
  const entries = [...parameters];
  const group = (wanted: boolean): Map<string, Variable> =>
    new Map(entries.filter(([name, variable]) => decays(name, variable) === wanted));
  return [
    { parameters: group(true), weightDecay },
    { parameters: group(false), weightDecay: 0 },
  ];
}
