import { attentionOnlyConfig, gpt2Config, type TransformerConfig } from '@foretoken/models';
import { type Device, HostRandom } from '@foretoken/tensor';
import { createObjective, type Objective, type ObjectiveSettings } from '../../src/index.js';

/** Initial values large enough for hidden states that differ clearly. */
const initialization = { embedding: 0.5, positions: 0.5, input: 0.3, residual: 0.5, output: 0.5 };

/** Two small models that differ in all that matters to objectives: positions, norms, MLP, tied output. */
export const smallConfigs: Readonly<Record<'learned' | 'rotary', TransformerConfig>> = {
  learned: gpt2Config({
    vocabularySize: 12,
    width: 16,
    layers: 2,
    heads: 2,
    maxPositions: 32,
    initialization,
  }),
  rotary: attentionOnlyConfig({
    vocabularySize: 12,
    width: 16,
    layers: 2,
    heads: 2,
    maxPositions: 32,
    initialization,
  }),
};

/** Stands for a device where only host code runs: parameters are made, but nothing is ever computed. */
const noDevice = { variable: () => undefined, checkSize: () => undefined } as unknown as Device;

/** An objective on a real device, or for `prepare` and `cost` alone without one. */
export function make(
  name: string,
  settings: ObjectiveSettings = {},
  modelConfig: TransformerConfig = smallConfigs.learned,
  device: Device = noDevice,
): Objective {
  return createObjective(name, settings, { device, modelConfig, random: new HostRandom(7, 1) });
}
