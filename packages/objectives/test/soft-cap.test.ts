import { Transformer } from '@foretoken/models';
import { crossEntropy, HostRandom } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import { input, trunkInputs } from '../src/index.js';
import { batchOf } from './support/batches.js';
import { make, smallConfigs } from './support/context.js';
import { useDevice } from './support/device.js';
import { expectClose, gradients, inputsOf } from './support/evaluate.js';

const gpu = useDevice();
const batch = batchOf([{ tokens: [1, 2, 3, 4, 5, 6, 7], prefix: 3 }]);

describe('a model whose logits are capped', () => {
  it('is trained on the logits that it gives, capped and all', async () => {
    const config = { ...smallConfigs.learned, logitSoftCap: 0.5 };
    const model = new Transformer(gpu.device, config, new HostRandom(1));
    const objective = make('ntp', {}, config, gpu.device);
    const inputs = inputsOf(objective, model, batch);
    const { loss } = objective.loss(model, inputs);
    const logits = model.logits(model.trunk(trunkInputs(inputs))).reshape([-1, config.vocabularySize]);
    const expected = crossEntropy(logits, input(inputs, 'targets').reshape([-1]));
    expect(await loss.item()).toBeCloseTo(await expected.item(), 5);
    expectClose(await gradients(loss, model), await gradients(expected, model));
  });
});
