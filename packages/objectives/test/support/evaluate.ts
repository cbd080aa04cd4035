import type { Transformer } from '@foretoken/models';
import { type Device, grad, HostRandom, type Tensor } from '@foretoken/tensor';
import { expect } from 'vitest';
import type { LossInputs, Objective, PreparedBatch, SequenceBatch } from '../../src/index.js';

/** Host arrays as tensors, as a compiled step would get them. */
export function toTensors(device: Device, prepared: PreparedBatch): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(prepared).map(([name, { data, shape }]) => [name, device.tensor(data, { shape })]),
  );
}

export function inputsOf(objective: Objective, model: Transformer, batch: SequenceBatch): LossInputs {
  return toTensors(model.device, objective.prepare(batch, new HostRandom(3)));
}

/** Values of tensors by name, evaluated together so that what they share is computed once. */
export async function values(tensors: Readonly<Record<string, Tensor>>): Promise<Record<string, number[]>> {
  const all = Object.values(tensors);
  all[0]?.device.realize(...all);
  const entries: [string, number[]][] = [];
  for (const [name, tensor] of Object.entries(tensors)) entries.push([name, Array.from(await tensor.data())]);
  return Object.fromEntries(entries);
}

/** Gradients of a scalar for all parameters of the model, and of the objective if given. */
export function gradients(
  loss: Tensor,
  model: Transformer,
  objective?: Objective,
): Promise<Record<string, number[]>> {
  const named = [...model.parameters(), ...(objective?.parameters() ?? [])];
  const found = grad(
    loss,
    named.map(([, variable]) => variable),
  );
  return values(Object.fromEntries(named.map(([name], index) => [name, found[index] as Tensor])));
}

/** Loss, parts and all gradients on one batch. */
export async function evaluate(objective: Objective, model: Transformer, batch: SequenceBatch) {
  const { loss, parts } = objective.loss(model, inputsOf(objective, model, batch));
  return {
    loss: await loss.item(),
    parts: Object.fromEntries(
      Object.entries(await values(parts)).map(([name, [value]]) => [name, value as number]),
    ),
    gradients: await gradients(loss, model, objective),
  };
}

/** Expects equal values up to rounding, relative to the largest of each tensor. */
export function expectClose(
  actual: Readonly<Record<string, readonly number[]>>,
  expected: Readonly<Record<string, readonly number[]>>,
  tolerance = 2e-5,
): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, wanted] of Object.entries(expected)) {
    const got = actual[name] ?? [];
    expect(got.length, name).toBe(wanted.length);
    const scale = wanted.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-6);
    wanted.forEach((value, index) => {
      // Written so that NaN fails.
      expect(
        Math.abs((got[index] as number) - value) <= tolerance * scale,
        `${name}[${index}]: ${got[index]}, ${value}`,
      ).toBe(true);
    });
  }
}
