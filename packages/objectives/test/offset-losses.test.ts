import { Transformer } from '@foretoken/models';
import { HostRandom, type Tensor } from '@foretoken/tensor';
import { describe, expect, it } from 'vitest';
import {
  IGNORE,
  input,
  type LossInputs,
  MultiToken,
  type Mutor,
  type Objective,
  type PreparedBatch,
  trunkInputs,
} from '../src/index.js';
import { batchOf } from './support/batches.js';
import { make, smallConfigs } from './support/context.js';
import { useDevice } from './support/device.js';
import { toTensors } from './support/evaluate.js';

const gpu = useDevice();
const modelConfig = smallConfigs.learned;
const sequences = [
  { tokens: [1, 2, 3, 4, 5, 6, 7], prefix: 3 },
  { tokens: [8, 9, 10, 11, 2, 5], prefix: 1 },
  { tokens: [3, 1, 4, 1, 9, 2], prefix: 0 },
  { tokens: [5, 5, 6, 1, 2, 3, 7], prefix: 0, documents: [0, 0, 0, 1, 1, 1, 1] },
];

/** `-log softmax(logits)[target]`, in double precision. */
function crossEntropy(logits: readonly number[], target: number): number {
  const largest = Math.max(...logits);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
  return largest + Math.log(total) - (logits[target] as number);
}

async function rows(model: Transformer, hidden: Tensor): Promise<number[][]> {
  const logits = model.logits(hidden);
  const classes = logits.shape.at(-1) as number;
  const values = [...(await logits.data())];
  return Array.from({ length: values.length / classes }, (_, row) =>
    values.slice(row * classes, (row + 1) * classes),
  );
}

describe('shares of the loss of registers', () => {
  it('are sums over the registers of each offset, by hand', async () => {
    const model = new Transformer(gpu.device, modelConfig, new HostRandom(1));
    const objective = make('mutor', { minOffset: 2, maxOffset: 4 }, modelConfig, gpu.device) as Mutor;
    const prepared = objective.prepare(batchOf(sequences), new HostRandom(5));
    const inputs = toTensors(gpu.device, prepared);
    const { parts, shares } = objective.loss(model, inputs);
    expect(shares?.names).toEqual(['offset2', 'offset3', 'offset4']);
    const [sums, counts] = [await shares?.sums.data(), await shares?.counts.data()];

    const numbers = prepared['offsetNumbers']?.data as Int32Array;
    const targets = prepared['registerTargets']?.data as Int32Array;
    const count = targets.length / sequences.length;
    const tokens = (prepared['tokens']?.data.length ?? 0) / sequences.length - count;
    const logits = await registerLogits(model, objective, inputs);
    const expected = [0, 1, 2].map((number) => {
      const own = Array.from(targets).flatMap((target, at) => {
        const row = Math.floor(at / count);
        if (target === IGNORE || numbers[row] !== number) return [];
        const place = row * (tokens + count) + tokens + (at % count);
        return [crossEntropy(logits[place] as number[], target)];
      });
      return { sum: own.reduce((all, loss) => all + loss, 0), count: own.length };
    });
    // The draw has more than one offset, and leaves one out.
    expect(expected.filter((each) => each.count > 0).length).toBeGreaterThan(1);
    expect(expected.some((each) => each.count === 0)).toBe(true);
    expected.forEach((each, at) => {
      expect(counts?.[at]).toBe(each.count);
      expect(sums?.[at]).toBeCloseTo(each.sum, 3);
    });
    const all = expected.reduce((total, { sum }) => total + sum, 0);
    const scored = expected.reduce((total, each) => total + each.count, 0);
    expect(await parts['registers']?.item()).toBeCloseTo(all / scored, 4);
    model.dispose();
  });
});

const registerLogits = (model: Transformer, objective: Mutor, inputs: LossInputs): Promise<number[][]> =>
  rows(model, model.trunk(trunkInputs(inputs, objective.registers?.forward(input(inputs, 'registers')))));

/** The sum of losses and the number of targets that the passes of an objective give for each offset. */
async function measured(model: Transformer, objective: Objective): Promise<Map<number, [number, number]>> {
  const found = new Map<number, [number, number]>();
  for (const pass of objective.offsetPasses?.() ?? []) {
    const prepared: PreparedBatch = pass.prepare(batchOf(sequences));
    const losses = pass.losses(model, toTensors(gpu.device, prepared));
    for (const [at, offset] of pass.offsets.entries()) {
      const each = losses[at];
      const values = [...((await each?.losses.data()) ?? [])];
      const targets = [...((await each?.targets.data()) ?? [])];
      found.set(offset, [
        values.reduce((sum, value) => sum + value, 0),
        targets.filter((target) => target !== IGNORE).length,
      ]);
    }
  }
  return found;
}

/** Tokens of a document that are read, and the token at a distance that is to be predicted from the last of them. */
function* places(offset: number): Generator<{ read: readonly number[]; target: number }> {
  for (const { tokens, prefix, documents } of sequences) {
    const document = documents ?? tokens.map(() => 0);
    for (let place = Math.max(prefix - 1, 0); place + offset < tokens.length; place++) {
      if (document[place] !== document[place + offset]) continue;
      const first = document.indexOf(document[place] as number);
      yield { read: tokens.slice(first, place + 1), target: tokens[place + offset] as number };
    }
  }
}

describe.each([
  ['mutor', { maxOffset: 3 }],
  ['mutor', { minOffset: 2, maxOffset: 4, vectorPerOffset: true, registerCount: 1 }],
  ['mtp', { heads: 3 }],
] as const)('loss by offset of %s %j', (name, settings) => {
  it('is that of each place by itself, read without anything behind it', async () => {
    const model = new Transformer(gpu.device, modelConfig, new HostRandom(1));
    const objective = make(name, settings, modelConfig, gpu.device);
    const found = await measured(model, objective);
    expect([...found.keys()]).toEqual(
      name === 'mtp' ? [1, 2, 3] : 'minOffset' in settings ? [2, 3, 4] : [1, 2, 3],
    );
    for (const [offset, [sum, count]] of found) {
      let [expected, targets] = [0, 0];
      for (const { read, target } of places(offset)) {
        expected += crossEntropy(await naiveLogits(model, objective, read, offset), target);
        targets++;
      }
      expect(count, `offset ${offset}`).toBe(targets);
      expect(sum, `offset ${offset}`).toBeCloseTo(expected, 2);
    }
    model.dispose();
  });
});

/** Reads tokens alone, with one register behind them or through one head: the logits for the token at a distance. */
async function naiveLogits(
  model: Transformer,
  objective: Objective,
  read: readonly number[],
  offset: number,
): Promise<number[]> {
  const { device } = gpu;
  const time = read.length;
  const registers = (objective as Mutor).registers;
  if (objective.name === 'mutor' && registers !== undefined) {
    const width = modelConfig.width;
    const tableRows = registers.weight.shape[0] as number;
    const row = tableRows === 1 ? 0 : offset - 2;
    const vector = [...(await registers.weight.data())].slice(row * width, (row + 1) * width);
    const embeddings = device.tensor(Float32Array.from([...Array<number>(time * width).fill(0), ...vector]), {
      shape: [1, time + 1, width],
    });
    const at = Int32Array.from([...read.map((_, place) => place), time - 1 + offset - 1]);
    const ids = Int32Array.from([...read, -1]);
    const trunk = trunkInputs(toTensors(device, inputsOf(ids, at)), embeddings);
    return (await rows(model, model.trunk(trunk))).at(-1) as number[];
  }
  const ids = Int32Array.from(read);
  const order = ids.map((_, place) => place);
  const inputs = toTensors(device, inputsOf(ids, order));
  if (!(objective instanceof MultiToken)) throw new Error('expected heads');
  const trunk = trunkInputs(inputs);
  const hidden = model.residual(trunk);
  const head = objective.heads[offset - 2];
  const states = head === undefined ? hidden : head.forward(hidden, model.context(trunk));
  return (await rows(model, model.finalNorm.forward(states))).at(-1) as number[];
}

const inputsOf = (tokens: Int32Array, positions: Int32Array): PreparedBatch => {
  const shape = [1, tokens.length];
  const order = tokens.map((_, place) => place);
  return {
    tokens: { data: tokens, shape },
    positions: { data: positions, shape },
    order: { data: order, shape },
    segment: { data: new Int32Array(tokens.length), shape },
  };
};
