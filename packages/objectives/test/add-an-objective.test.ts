import { readFileSync } from 'node:fs';
import { Transformer } from '@foretoken/models';
import { HostRandom } from '@foretoken/tensor';
import { expect, it } from 'vitest';
import { createObjective, describeSettings, objectiveKinds } from '../src/index.js';
import { leap } from './examples/leap.js';
import { batchOf } from './support/batches.js';
import { smallConfigs } from './support/context.js';
import { useDevice } from './support/device.js';
import { evaluate } from './support/evaluate.js';
import { rowOf } from './support/rows.js';

const gpu = useDevice();
const kinds = [...objectiveKinds, leap];
const create = (settings: object) =>
  createObjective(
    'leap',
    { ...settings },
    { device: gpu.device, modelConfig: smallConfigs.rotary, random: new HostRandom(2) },
    kinds,
  );

it('docs/add-an-objective.md shows the example that is tested here', () => {
  const page = readFileSync(new URL('../../../docs/add-an-objective.md', import.meta.url), 'utf8');
  const example = readFileSync(new URL('examples/leap.ts', import.meta.url), 'utf8');
  expect(page).toContain(`\`\`\`ts\n${example}\`\`\``);
});

it('the example lays out targets and describes its settings', () => {
  const prepared = create({}).prepare(batchOf([{ tokens: [1, 2, 3, 4, 5], prefix: 2 }]), new HostRandom(0));
  expect(rowOf(prepared, 'next', 0)).toEqual([-100, 3, 4, 5, -100]);
  expect(rowOf(prepared, 'ahead', 0)).toEqual([-100, 5, -100, -100, -100]);
  expect(describeSettings(leap).map(({ name }) => name)).toContain('distance');
});

it('the example trains the model and its own output', async () => {
  const model = new Transformer(gpu.device, smallConfigs.rotary, new HostRandom(1));
  const batch = batchOf([{ tokens: [1, 2, 3, 4, 5], prefix: 2 }]);
  const { loss, parts, gradients } = await evaluate(create({ weight: 0.25 }), model, batch);
  expect(loss).toBeCloseTo(0.75 * (parts.nextToken ?? 0) + 0.25 * (parts.leap ?? 0), 5);
  expect(gradients['ahead.weight']?.some((value) => value !== 0)).toBe(true);
  expect(create({}).cost(smallConfigs.rotary, { batch: 2, time: 8, prefix: 0 }).tokens).toBe(16);
});
