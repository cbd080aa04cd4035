import { Transformer } from '@foretoken/models';
import { AdamW } from '@foretoken/nn';
import { HostRandom, type Tensor } from '@foretoken/tensor';
import { expect, it } from 'vitest';
import { batchOf } from './support/batches.js';
import { make, smallConfigs } from './support/context.js';
import { useDevice } from './support/device.js';

const gpu = useDevice();
const config = smallConfigs.rotary;

it.each(['ntp', 'mtp', 'teacherless', 'mutor'])(
  '%s trains in a compiled step that is traced once',
  async (name) => {
    const model = new Transformer(gpu.device, config, new HostRandom(1));
    const objective = make(name, {}, config, gpu.device);
    const parameters = new Map([...model.parameters(), ...objective.parameters()]);
    const optimizer = new AdamW(parameters, {});
    let traces = 0;
    const step = gpu.device.compile((inputs: Record<string, Tensor>) => {
      traces++;
      const { learningRate, stepNumber, ...arrays } = inputs;
      if (learningRate === undefined || stepNumber === undefined)
        throw new Error('The step needs its scalars.');
      const { loss } = objective.loss(model, arrays);
      loss.backward();
      optimizer.step(undefined, { learningRate, stepNumber });
      return { loss };
    });
    const random = new HostRandom(5);
    const losses: number[] = [];
    for (let at = 1; at <= 30; at++) {
      // The answer repeats the prompt, shifted by one.
      const batch = batchOf(
        Array.from({ length: 4 }, () => {
          const first = random.integer(6);
          return { tokens: [first, first + 1, first + 2, first + 3, first + 4], prefix: 1 };
        }),
      );
      const scalars = {
        learningRate: { data: Float32Array.of(0.02), shape: [] },
        stepNumber: { data: Float32Array.of(at), shape: [] },
      };
      const { loss } = step.run({ ...objective.prepare(batch, random), ...scalars });
      losses.push(await loss.item());
    }
    expect(traces).toBe(1);
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(losses.slice(-5))).toBeLessThan(0.5 * mean(losses.slice(0, 5)));
  },
);
