// B images, T positions.
import type { ImageTokenTask } from '@foretoken/data';
import type { Transformer } from '@foretoken/models';
import { createObjective, crossEntropies, input, type LossInputs, trunkInputs } from '@foretoken/objectives';
import { HostRandom } from '@foretoken/tensor';

/** Images at a time. */
const BATCH = 64;

/**
 * The mean next-token loss of each of the first `count` test images, in nats per image token: by the model alone, whatever it
 * was trained with.
 */
export async function imageTokenLosses(
  model: Transformer,
  task: ImageTokenTask,
  count: number,
): Promise<Float64Array> {
  const { device } = model;
  const random = new HostRandom(0);
  const nextToken = createObjective('ntp', {}, { device, modelConfig: model.config, random });
  const step = device.compile(
    (inputs: LossInputs) => {
      const hidden = model.trunk(trunkInputs(inputs));
      return { losses: crossEntropies(model, hidden, input(inputs, 'targets')).sum(1) };
    },
    { name: 'loss of image tokens' },
  );
  const found = new Float64Array(count);
  try {
    for (let first = 0; first < count; first += BATCH) {
      const prepared = nextToken.prepare(task.batch('test', first / BATCH, BATCH), random);
      const sums = await step.run(prepared).losses.data();
      for (let row = 0; row < BATCH && first + row < count; row++) {
        found[first + row] = (sums[row] as number) / (task.maxTime - 1);
      }
    }
    return found;
  } finally {
    step.dispose();
  }
}
