import { isFloatStorage } from '@foretoken/nn';
import { formatShape, type Shape } from '@foretoken/tensor';
import { CheckpointError, listNames } from './errors.js';
import type { Family } from './family.js';
import type { NameMap, Part } from './name-map.js';
import type { CheckpointSource, StoredTensor } from './source.js';

/** Tensors of a source by the names that a model with an output has for them. */
export type FullNames = ReadonlyMap<string, StoredTensor>;

/** Puts the prefix in front of all names where a trunk was stored alone. */
export function withPrefix(
  { tensors }: CheckpointSource,
  { prefix, heads }: Pick<Family<never, unknown>, 'prefix' | 'heads'>,
): FullNames {
  const isFull = [...tensors.keys()].some((name) => name.startsWith(prefix));
  if (isFull) return tensors;
  const isHead = (name: string): boolean => heads.some((head) => name.startsWith(head));
  return new Map([...tensors].map(([name, tensor]) => [isHead(name) ? name : prefix + name, tensor]));
}

const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

interface Expected {
  readonly parts: ReadonlyMap<string, Part>;
  readonly isIgnored: (name: string) => boolean;
}

/** Sentences that list what is missing, extra, mis-shaped, and of a dtype that is no float. */
export function fitProblems(tensors: FullNames, { parts, isIgnored }: Expected): string[] {
  const missing = [...parts.keys()].filter((name) => !tensors.has(name));
  const extra: string[] = [];
  const misshapen: string[] = [];
  const mistyped: string[] = [];
  for (const [name, { shape, dtype }] of tensors) {
    const part = parts.get(name);
    if (part === undefined) {
      if (!isIgnored(name)) extra.push(name);
    } else {
      if (!sameShape(shape, part.shape))
        misshapen.push(`${name} is ${formatShape(shape)}, expected ${formatShape(part.shape)}`);
      if (!isFloatStorage(dtype)) mistyped.push(`${name} is ${dtype}, expected F32, F16 or BF16`);
    }
  }
  return Object.entries({ missing, extra, 'wrong shape': misshapen, 'wrong dtype': mistyped }).flatMap(
    ([title, names]) => (names.length === 0 ? [] : [`${title}: ${listNames(names)}.`]),
  );
}

/**
 * Checks that a checkpoint has the tensors of a model, all of them and no others.
 *
 * @param architecture - for the message
 * @throws CheckpointError listing what is missing, extra, mis-shaped and of the wrong dtype, in one message
 */
export function checkFit(
  label: string,
  tensors: FullNames,
  architecture: string,
  map: NameMap,
  isIgnored: (name: string) => boolean,
): void {
  const parts = new Map([...map.values()].flat().map((part) => [part.name, part]));
  const problems = fitProblems(tensors, { parts, isIgnored });
  if (problems.length === 0) return;
  throw new CheckpointError(
    `${label}: the tensors do not fit ${architecture} as config.json describes it. ${problems.join(' ')}`,
  );
}
