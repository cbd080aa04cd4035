import { Variable } from '@foretoken/tensor';
import {
  type HostTensor,
  type LoadOptions,
  type LoadReport,
  loadInto,
  type StateDict,
  stateDictOf,
} from './state-dict.js';

/**
 * Base of everything with parameters. Variables and modules held in properties, also within arrays and maps,
 * are found by themselves and named as PyTorch names them: `blocks.0.attention.output.weight`. What must stay
 * out of the parameters (fixed tables, caches) belongs in a `#private` field.
 */
export abstract class Module {
  /** All variables by dotted name, in order of declaration. One that occurs twice has the first of its names. */
  parameters(): Map<string, Variable> {
    const found = new Map<string, Variable>();
    const seen = new Set<object>();
    collect('', Object.entries(this), found, seen);
    return found;
  }

  /** Number of trainable numbers. */
  parameterCount(): number {
    let count = 0;
    for (const variable of this.parameters().values()) if (variable.trainable) count += variable.size;
    return count;
  }

  /** The values of all parameters, read back from the GPU. */
  stateDict(): Promise<Map<string, HostTensor>> {
    return stateDictOf(this.parameters());
  }

  /**
   * Replaces the values of the parameters.
   *
   * @throws StateDictError listing all missing, unexpected and mismatched names; then nothing has changed
   */
  loadStateDict(state: StateDict, options?: LoadOptions): LoadReport {
    return loadInto(this.constructor.name, this.parameters(), state, options);
  }

  /** Frees the GPU memory of all parameters. Modules with memory of other kinds free it as well. */
  dispose(): void {
    for (const child of childModules(Object.values(this))) child.dispose();
    for (const variable of ownVariables(Object.values(this))) variable.dispose();
  }
}

function* entriesOf(value: unknown): Generator<readonly [string, unknown]> {
  if (Array.isArray(value)) yield* value.map((item, index) => [String(index), item as unknown] as const);
  else if (value instanceof Map) for (const [key, item] of value) yield [String(key), item];
  else if (value instanceof Module) yield* Object.entries(value);
}

function collect(
  prefix: string,
  entries: Iterable<readonly [string, unknown]>,
  found: Map<string, Variable>,
  seen: Set<object>,
): void {
  for (const [key, value] of entries) {
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (value instanceof Variable) found.set(prefix + key, value);
    else collect(`${prefix}${key}.`, entriesOf(value), found, seen);
  }
}

function* childModules(values: Iterable<unknown>): Generator<Module> {
  for (const value of values) {
    if (value instanceof Module) yield value;
    else yield* childModules([...entriesOf(value)].map(([, item]) => item));
  }
}

function* ownVariables(values: Iterable<unknown>): Generator<Variable> {
  for (const value of values) {
    if (value instanceof Variable) yield value;
    else if (!(value instanceof Module)) yield* ownVariables([...entriesOf(value)].map(([, item]) => item));
  }
}
