// B sequences, L places: tokens and registers.
import type { Transformer, TransformerConfig } from '@foretoken/models';
import {
  type BatchSize,
  type Decoding,
  input,
  type LossInputs,
  type Mutor,
  type Objective,
  type ObjectiveCost,
  type ObjectiveLoss,
  type PreparedBatch,
  type SequenceBatch,
} from '@foretoken/objectives';
import { type HostInput, type HostRandom, linearCrossEntropy, type Variable } from '@foretoken/tensor';

/**
 * MuToR as its authors' code lays it out, to compare against: each register stands behind its token in memory, and
 * which place sees which is a dense mask `[B, 1, L, L]` made on the host, under which all pairs are computed. Loss and
 * gradients are those of `Mutor`.
 */
export class InterleavedMutor implements Objective {
  readonly name = 'mutor';
  readonly decoding: Decoding;

  constructor(
    readonly appended: Mutor,
    /** Share of the registers in the loss. */
    readonly weight: number,
    /** Look for squares of pairs that the mask rules out, which the authors' code does not. */
    readonly skipBlocks: boolean,
  ) {
    this.decoding = appended.decoding;
  }

  parameters(): Map<string, Variable> {
    return this.appended.parameters();
  }

  prepare(batch: SequenceBatch, random: HostRandom): PreparedBatch {
    const laidOut = this.appended.prepare(batch, random);
    const from = readingOrder(laidOut);
    return {
      tokens: permute(array(laidOut, 'tokens'), from),
      positions: permute(array(laidOut, 'positions'), from),
      registers: permute(array(laidOut, 'registers'), from),
      mask: denseMask(laidOut, from),
      ...this.#scored(laidOut, from),
    };
  }

  loss(model: Transformer, inputs: LossInputs): ObjectiveLoss {
    const hidden = model.trunk({
      tokens: input(inputs, 'tokens'),
      embeddings: this.appended.registers?.forward(input(inputs, 'registers')),
      positions: input(inputs, 'positions'),
      mask: input(inputs, 'mask').ne(0),
      skipBlocks: this.skipBlocks,
    });
    const rows = hidden.reshape([-1, model.config.width]);
    const targets = input(inputs, 'targets').reshape([-1]);
    const losses = linearCrossEntropy(rows, model.unembedding, targets, {
      reduction: 'none',
      softCap: model.config.logitSoftCap,
    });
    return { loss: losses.mul(input(inputs, 'lossWeights').reshape([-1])).sum(), parts: {} };
  }

  cost(model: TransformerConfig, size: BatchSize): ObjectiveCost {
    return this.appended.cost(model, size);
  }

  /** Targets of all places, and the share of each in the loss. */
  #scored(laidOut: PreparedBatch, from: Int32Array): PreparedBatch {
    const { shape } = array(laidOut, 'positions');
    const [rows, length] = shape as readonly [number, number];
    const [ofTokens, ofRegisters] = [array(laidOut, 'targets'), array(laidOut, 'registerTargets')];
    const time = ofTokens.shape[1] as number;
    const counted = (targets: HostInput): number =>
      Math.max([...targets.data].filter((target) => target >= 0).length, 1);
    const tokenWeight = (1 - this.weight) / counted(ofTokens);
    const registerWeight = this.weight / counted(ofRegisters);
    const targets = new Int32Array(rows * length);
    const weights = new Float32Array(rows * length);
    from.forEach((source, at) => {
      const [row, place] = [Math.floor(source / length), source % length];
      targets[at] = (
        place < time
          ? ofTokens.data[row * time + place]
          : ofRegisters.data[row * (length - time) + place - time]
      ) as number;
      weights[at] = place < time ? tokenWeight : registerWeight;
    });
    return { targets: { data: targets, shape }, lossWeights: { data: weights, shape } };
  }
}

function array(laidOut: PreparedBatch, name: string): HostInput {
  const found = laidOut[name];
  if (found === undefined) throw new RangeError(`internal: MuToR prepared no ${name}.`);
  return found;
}

/** For each place, which place of the appended layout it is: by token, then the token before its registers. */
function readingOrder(laidOut: PreparedBatch): Int32Array {
  const order = array(laidOut, 'order');
  const [slot, segment] = [array(laidOut, 'slot').data, array(laidOut, 'segment').data];
  const [rows, length] = order.shape as readonly [number, number];
  // Registers that are not in use go to the end.
  const key = (at: number): number =>
    ((segment[at] as number) < 0 ? length : (order.data[at] as number)) * length + (slot[at] as number);
  return Int32Array.from(
    Array.from({ length: rows }, (_, row) =>
      Array.from({ length }, (_, place) => row * length + place).sort((a, b) => key(a) - key(b)),
    ).flat(),
  );
}

const permute = ({ data, shape }: HostInput, from: Int32Array): HostInput => ({
  data: from.map((source) => data[source] as number),
  shape,
});

/** 1 where a query sees a key: tokens up to its own, and a register itself. */
function denseMask(laidOut: PreparedBatch, from: Int32Array): HostInput {
  const [order, slot, segment] = ['order', 'slot', 'segment'].map(
    (name) => permute(array(laidOut, name), from).data,
  ) as [Int32Array, Int32Array, Int32Array];
  const [rows, length] = array(laidOut, 'order').shape as readonly [number, number];
  const mask = new Int32Array(rows * length * length);
  for (let query = 0; query < rows * length; query++) {
    const first = query - (query % length);
    for (let place = 0; place < length; place++) {
      const key = first + place;
      const real = slot[key] === 0 && (order[key] as number) <= (order[query] as number);
      const same = segment[key] === segment[query];
      if (same && (real || key === query)) mask[query * length + place] = 1;
    }
  }
  return { data: mask, shape: [rows, 1, length, length] };
}
