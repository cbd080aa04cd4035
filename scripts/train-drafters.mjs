// Fine-tunes a pretrained language model on running text with an objective whose registers or heads can draft, and saves
// both: the model as a checkpoint, the objective's parameters beside it as objective.safetensors.
// node scripts/train-drafters.mjs MODEL TEXT OUT mutor|mtp SECONDS [SETTINGS as JSON]
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findModelData, loadCorpusTask } from '../packages/data/dist/node.js';
import { loadPretrained, savePretrained } from '../packages/models/dist/node.js';
import { AdamW, stateDictOf, takeGradients, writeSafetensors } from '../packages/nn/dist/index.js';
import { createObjective } from '../packages/objectives/dist/index.js';
import { HostRandom, openDevice } from '../packages/tensor/dist/index.js';

const [from, text, out, name, seconds, given = '{}'] = process.argv.slice(2);
const folder = findModelData(from);
const TIME = 64;
const BATCH = 8;
const PEAK = 1e-3;

const device = await openDevice();
const { model, origin } = await loadPretrained(device, folder);
const task = await loadCorpusTask({ files: { train: [text] }, tokenizer: folder, time: TIME });
const settings = {
  lossOn: 'all',
  ...(name === 'mutor' ? { registers: 'everywhere' } : {}),
  ...JSON.parse(given),
};
const objective = createObjective(name, settings, {
  device,
  modelConfig: model.config,
  random: new HostRandom(0, 1),
});
const extra = objective.parameters();
const parameters = new Map([
  ...model.parameters(),
  ...[...extra].map(([key, value]) => [`objective.${key}`, value]),
]);
const optimizer = new AdamW(parameters, { weightDecay: 0, betas: [0.9, 0.99] });
const step = device.compile((inputs) => {
  const { loss, parts } = objective.loss(model, inputs);
  loss.backward();
  optimizer.step(takeGradients(parameters), {
    learningRate: inputs.learningRate,
    stepNumber: inputs.stepNumber,
  });
  return { loss, ...parts };
});

const start = performance.now();
const share = () => Math.min(1, (performance.now() - start) / 1000 / Number(seconds));
for (let at = 0; share() < 1; at++) {
  // Warm-up, then linear decay over the time that there is.
  const learningRate = PEAK * Math.min(1, (at + 1) / 50) * (1 - share());
  const results = step.run({
    ...objective.prepare(task.batch('train', at, BATCH), new HostRandom(0, 2, at)),
    learningRate: { data: Float32Array.of(learningRate), shape: [] },
    stepNumber: { data: Float32Array.of(at + 1), shape: [] },
  });
  const values = await Promise.all(
    Object.entries(results).map(async ([part, tensor]) => `${part} ${(await tensor.item()).toFixed(3)}`),
  );
  for (const tensor of Object.values(results)) tensor.dispose();
  if (at % 50 === 0 || share() >= 1) console.log(`step ${at}: ${values.join(', ')}`);
}
await savePretrained(model, out, { origin });
const saved = new Map([...(await stateDictOf(extra))].map(([key, value]) => [`objective.${key}`, value]));
writeFileSync(
  join(out, 'objective.safetensors'),
  writeSafetensors(saved, { objective: name, settings: JSON.stringify(settings) }),
);
for (const file of ['generation_config.json'])
  if (existsSync(join(folder, file)) && !existsSync(join(out, file)))
    copyFileSync(join(folder, file), join(out, file));
process.exit(0);
