import type { DType, HostArray, Shape, Variable } from '@foretoken/tensor';
import { StateDictError } from './errors.js';

/** Values of a tensor in host memory. */
export interface HostTensor {
  readonly data: HostArray;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Named values, as saved in a checkpoint. */
export type StateDict = ReadonlyMap<string, HostTensor>;

export interface LoadOptions {
  /** Refuse a state with missing or unexpected names. Default true. Shapes and dtypes must fit in any case. */
  readonly strict?: boolean;
}

/** Names that did not pair up; both lists are empty after a strict load. */
export interface LoadReport {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

/** Reads variables back from the GPU, all at once. */
export async function stateDictOf(
  variables: ReadonlyMap<string, Variable>,
): Promise<Map<string, HostTensor>> {
  const entries = [...variables].map(
    async ([name, variable]): Promise<[string, HostTensor]> => [
      name,
      { data: await variable.data(), shape: [...variable.shape], dtype: variable.dtype },
    ],
  );
  return new Map(await Promise.all(entries));
}

const describe = ({ dtype, shape }: { dtype: DType; shape: Shape }): string =>
  `${dtype}[${shape.join(', ')}]`;

const listed = (title: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`${title}: ${names.join(', ')}.`];

/**
 * Puts the values of a state dict into variables of the same names. Nothing is loaded unless everything fits.
 *
 * @param owner - what the variables belong to, for the error message
 * @throws StateDictError listing all missing, unexpected and mismatched names
 */
export function loadInto(
  owner: string,
  variables: ReadonlyMap<string, Variable>,
  state: StateDict,
  { strict = true }: LoadOptions = {},
): LoadReport {
  const missing = [...variables.keys()].filter((name) => !state.has(name));
  const unexpected = [...state.keys()].filter((name) => !variables.has(name));
  const mismatched: string[] = [];
  for (const [name, variable] of variables) {
    const value = state.get(name);
    // Files give halves as f32, which f16 variables take.
    const read =
      value?.dtype === 'f32' && variable.dtype === 'f16' ? { ...value, dtype: 'f16' as const } : value;
    if (value !== undefined && read !== undefined && describe(read) !== describe(variable)) {
      mismatched.push(`${name} is ${describe(variable)}, the state has ${describe(value)}`);
    }
  }
  const problems = [
    ...(strict ? listed('missing', missing) : []),
    ...(strict ? listed('unexpected', unexpected) : []),
    ...listed('mismatched', mismatched),
  ];
  if (problems.length > 0)
    throw new StateDictError(`${owner}: the state does not fit. ${problems.join(' ')}`);
  for (const [name, variable] of variables) {
    const value = state.get(name);
    if (value !== undefined) variable.load(value.data);
  }
  return { missing, unexpected };
}
