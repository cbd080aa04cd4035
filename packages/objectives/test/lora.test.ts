import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addLora, Transformer } from '@foretoken/models';
import { loadLora, saveLora } from '@foretoken/models/node';
import { takeGradients } from '@foretoken/nn';
import { HostRandom } from '@foretoken/tensor';
import { afterAll, expect, it, vi } from 'vitest';
import { createObjective, objectiveKinds } from '../src/index.js';
import { batchOf } from './support/batches.js';
import { smallConfigs } from './support/context.js';
import { useDevice } from './support/device.js';
import { inputsOf } from './support/evaluate.js';

const gpu = useDevice();
const here = import.meta.dirname;
const folder = mkdtempSync(join(tmpdir(), 'foretoken-lora-'));
afterAll(() => rmSync(folder, { recursive: true }));

const create = (name: string, seed: number) =>
  createObjective(
    name,
    {},
    { device: gpu.device, modelConfig: smallConfigs.rotary, random: new HostRandom(seed) },
  );

it.each(objectiveKinds.map(({ name }) => name))(
  '%s: adapters and what the objective adds have gradients, and are saved and loaded together',
  async (name) => {
    const model = new Transformer(gpu.device, smallConfigs.rotary, new HostRandom(1));
    const batch = batchOf([{ tokens: [1, 2, 3, 4, 5, 6, 7, 8], prefix: 2 }]);
    const lora = addLora(model, { rank: 2, alpha: 4, targets: 'all-linear' }, new HostRandom(2));
    for (const [parameter, variable] of lora.parameters())
      if (parameter.includes('lora_B')) variable.load(new Float32Array(variable.size).fill(0.1));
    const objective = create(name, 3);
    const { loss } = objective.loss(model, inputsOf(objective, model, batch));
    loss.backward();
    const all = new Map([...model.parameters(), ...objective.parameters()]);
    const trained = [...lora.parameters().values(), ...objective.parameters().values()];
    expect([...takeGradients(all).keys()].map((parameter) => all.get(parameter))).toEqual(
      expect.arrayContaining(trained),
    );
    expect([...all.values()].filter(({ trainable }) => trainable).length).toBe(trained.length);
    const before = await loss.item();
    await saveLora(lora, folder, { objective: objective.parameters() });
    lora.unload();
    const other = create(name, 4);
    await loadLora(model, folder, { objective: other.parameters() });
    const { loss: again } = other.loss(model, inputsOf(other, model, batch));
    expect(await again.item()).toBe(before);
    model.dispose();
  },
);

it('the program in docs/lora.md runs, and shows what it says', async () => {
  const guide = readFileSync(join(here, '../../../docs/lora.md'), 'utf8');
  const program = /```ts\n(import[\s\S]*?)```/.exec(guide)?.[1] ?? '';
  // Beside the tests, so that it is compiled like them; it saves to the folder that it is started in.
  const scratch = mkdtempSync(join(here, '.quickstart-'));
  const start = process.cwd();
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((...words) => void lines.push(words.join(' ')));
  try {
    const file = join(scratch, 'program.ts');
    writeFileSync(file, program);
    process.chdir(scratch);
    await import(/* @vite-ignore */ file);
  } finally {
    log.mockRestore();
    process.chdir(start);
    rmSync(scratch, { recursive: true });
  }
  const [first, last] = lines.map((line) => Number(/loss ([\d.]+)$/.exec(line)?.[1]));
  expect(last).toBeLessThan(0.9 * (first as number));
  expect(lines.at(-1)).toBe('8704 numbers trained, and 32 of the register');
});
