import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  attention,
  concat,
  crossEntropy,
  type Device,
  embedding,
  linearCrossEntropy,
  openDevice,
  softCap,
  stack,
  type Tensor,
  where,
} from '../src/index.js';
import { checkCase, type ReferenceCase } from './support/reference-case.js';

// Every operation, forward and gradient, against PyTorch in double precision (tools/fixtures/tensor.py).

const folder = new URL('./fixtures/', import.meta.url);

// Arguments come from JSON; the fixtures and not the compiler say what they are.
type Arguments = Record<
  'axes' | 'axis' | 'exponent' | 'eps' | 'value' | 'low' | 'high' | 'before' | 'after' | 'cap',
  never
>;
type Apply = (inputs: Tensor[], args: Arguments) => Tensor;

/** A number, which JSON may have as text: 'Infinity'. */
const number = (value: number | string): number => Number(value);

/** A method that takes the other inputs, then these arguments. */
const method =
  (name: keyof Tensor, ...names: string[]): Apply =>
  ([self, ...others], args) =>
    (self as never as Record<string, (...all: unknown[]) => Tensor>)[name as string]?.(
      ...others,
      ...names.map((key) => (args as Record<string, unknown>)[key]),
    ) as Tensor;

/** A reduction: axes, then all other arguments as options. */
const reduction =
  (name: 'sum' | 'mean' | 'max' | 'min' | 'logSumExp' | 'variance' | 'any' | 'all'): Apply =>
  ([self], { axes, ...options }) =>
    (self as Tensor)[name](axes, options as object);

const applications: Record<string, Apply> = {
  powNumber: ([base], { exponent }) => (base as Tensor).pow(exponent),
  divNumber: ([x], { value }) => (x as Tensor).div(number(value)),
  mulNumber: ([x], { value }) => (x as Tensor).mul(number(value)),
  whereNumber: ([condition, x], { value }) => where(condition as Tensor, x as Tensor, number(value)),
  softCap: ([x], { cap }) => softCap(x as Tensor, cap),
  where: ([condition, a, b]) => where(condition as Tensor, a as Tensor, b as Tensor),
  gelu: method('gelu', 'form'),
  clamp: ([x], { low, high }) => (x as Tensor).clamp(number(low), number(high)),
  cast: method('cast', 'dtype'),
  ...Object.fromEntries(
    (['sum', 'mean', 'max', 'min', 'logSumExp', 'variance', 'any', 'all'] as const).map((name) => [
      name,
      reduction(name),
    ]),
  ),
  argmax: method('argmax', 'axis'),
  argmin: method('argmin', 'axis'),
  cumsum: method('cumsum', 'axis'),
  reshape: method('reshape', 'shape'),
  permute: method('permute', 'order'),
  transpose: method('transpose', 'a', 'b'),
  expand: method('expand', 'shape'),
  squeeze: method('squeeze', 'axis'),
  unsqueeze: method('unsqueeze', 'axis'),
  slice: method('slice', 'axis', 'start', 'end', 'step'),
  pad: ([x], { axis, before, after, value }) => (x as Tensor).pad(axis, before, after, number(value)),
  flip: method('flip', 'axis'),
  tril: method('tril', 'diagonal'),
  triu: method('triu', 'diagonal'),
  concat: (inputs, { axis }) => concat(inputs, axis),
  stack: (inputs, { axis }) => stack(inputs, axis),
  gather: ([self, index], { axis }) => (self as Tensor).gather(axis, index as Tensor),
  scatterAdd: ([self, index, source], { axis }) =>
    (self as Tensor).scatterAdd(axis, index as Tensor, source as Tensor),
  oneHot: method('oneHot', 'classes'),
  embedding: ([table, ids]) => embedding(table as Tensor, ids as Tensor),
  matmul: ([a, b = a], options) => (a as Tensor).matmul(b as Tensor, options as object),
  softmax: method('softmax', 'axis'),
  logSoftmax: method('logSoftmax', 'axis'),
  layerNorm: ([x, weight, bias], { eps }) => (x as Tensor).layerNorm(weight, bias, eps),
  rmsNorm: ([x, weight], { eps }) => (x as Tensor).rmsNorm(weight, eps),
  crossEntropy: ([logits, targets], options) =>
    crossEntropy(logits as Tensor, targets as Tensor, options as object),
  linearCrossEntropy: ([hidden, weight, targets], options) =>
    linearCrossEntropy(hidden as Tensor, weight as Tensor, targets as Tensor, options as object),
  attention: ([query, key, value, mask], options) =>
    attention(query as Tensor, key as Tensor, value as Tensor, {
      ...(options as object),
      ...(mask ? { mask } : {}),
    }),
};

let device: Device;
beforeAll(async () => {
  device = await openDevice({ poison: true });
});
afterAll(() => device.close());

for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const { cases } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { cases: ReferenceCase[] };
  describe(file.replace('.json', ''), () => {
    for (const op of new Set(cases.map((each) => each.op))) {
      const own = cases.filter((each) => each.op === op);
      it(`${op} agrees with PyTorch in ${own.length} cases`, async () => {
        const failures: string[] = [];
        for (const test of own) {
          const shapes = test.inputs.map(({ dtype, shape }) => `${dtype}[${shape}]`).join(' ');
          const label = `${op} ${shapes} ${JSON.stringify(test.arguments ?? {})} ${test.note ?? ''}`;
          try {
            const problems = await checkCase(device, test, applications[op] ?? method(op as keyof Tensor));
            failures.push(...problems.map((problem) => `${label}: ${problem}`));
          } catch (error) {
            failures.push(`${label}: ${(error as Error).message.split('\n')[0]}`);
          }
        }
        expect(failures).toEqual([]);
      });
    }
  });
}
