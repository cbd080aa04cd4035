import { readFileSync } from 'node:fs';
import { type HostTensor, readSafetensors } from '@foretoken/nn';
import { expect } from 'vitest';

/** Named reference values from `test/fixtures`, made by tools/fixtures/nn.py. */
export function loadReference(file: string): Map<string, HostTensor> {
  return readSafetensors(
    new Uint8Array(readFileSync(new URL(`../fixtures/${file}.safetensors`, import.meta.url))),
  ).tensors;
}

/** The tensor called `name`. */
export function pick(reference: ReadonlyMap<string, HostTensor>, name: string): HostTensor {
  const tensor = reference.get(name);
  if (tensor === undefined) throw new Error(`The reference file has no ${name}.`);
  return tensor;
}

/** The tensors whose names start with `prefix`, under the rest of their names. */
export function under(reference: ReadonlyMap<string, HostTensor>, prefix: string): Map<string, HostTensor> {
  return new Map(
    [...reference].flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
    ),
  );
}

/** Greatest difference, as a share of the greatest reference value. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let difference = 0;
  let size = 0;
  for (let index = 0; index < expected.length; index++) {
    const gap = Math.abs((actual[index] as number) - (expected[index] as number));
    // Once NaN, always NaN: no comparison with it holds, so the test fails.
    if (!(gap <= difference)) difference = gap;
    size = Math.max(size, Math.abs(expected[index] as number));
  }
  return difference / Math.max(size, 1e-30);
}
