import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkpoint,
  type Device,
  ForetokenError,
  foldIn,
  grad,
  type HostArray,
  openDevice,
  randomKey,
  type Tensor,
  type Variable,
} from '../src/index.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

type Apply = typeof checkpoint;
/** The same signature, without checkpointing. */
const plainly: Apply = (body, inputs) => body(...(inputs as never));

/** Numbers between -1 and 1 without a pattern. */
const noise = (size: number, seed: number): Float32Array =>
  Float32Array.from({ length: size }, (_, at) => Math.sin((at + 1) * (seed + 1.37) * 12.9898));

const variable = (shape: readonly number[], seed: number): Variable =>
  device.variable(
    noise(
      shape.reduce((product, size) => product * size, 1),
      seed,
    ),
    { shape, name: `w${seed}` },
  );

/** Equal to the rounding of a few operations: what is fused, and the order of sums, may differ. */
function expectEqual(actual: readonly HostArray[], expected: readonly HostArray[]): void {
  expect(actual.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  for (const [at, values] of expected.entries()) {
    const largest = Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const gaps = Array.from(values, (value, place) => Math.abs(value - (actual[at]?.[place] as number)));
    expect(largest).toBeGreaterThan(0);
    expect(Math.max(...gaps)).toBeLessThan(1e-6 * largest);
  }
}

/** What `make` gives with checkpoints and without must be the same. */
async function expectSame(make: (apply: Apply) => readonly Tensor[]): Promise<void> {
  const read = (tensors: readonly Tensor[]) => Promise.all(tensors.map((tensor) => tensor.data()));
  expectEqual(await read(make(checkpoint)), await read(make(plainly)));
}

/** Loss, and the gradient of each variable. */
function withGradients(loss: Tensor, variables: readonly Variable[]): Tensor[] {
  for (const each of variables) each.grad = undefined;
  loss.backward();
  return [loss, ...variables.map((each) => each.grad as Tensor)];
}

describe('checkpoint', () => {
  it('gives the same values and gradients, of inputs and of variables that the body uses', async () => {
    const [x, w, b] = [variable([6, 8], 1), variable([8, 8], 2), variable([8], 3)];
    await expectSame((apply) => {
      const y = apply((h) => h.matmul(w).add(b).gelu().layerNorm(b), [x]);
      return withGradients(y.square().sum(), [x, w, b]);
    });
  });

  it('sends gradients to tensors from around the body, and on to what they were made of', async () => {
    const [x, w] = [variable([4, 4], 1), variable([4, 4], 2)];
    await expectSame((apply) => {
      const outside = w.tanh();
      // The body reads its input also from around it, and its result is used twice.
      const y = apply((h) => h.matmul(outside).mul(x).add(outside.exp()), [x]);
      return withGradients(y.mul(y.sigmoid()).add(outside).sum(), [x, w]);
    });
  });

  it('sends gradients to tensors that are no variables', async () => {
    const [x, factor] = [device.tensor(noise(5, 1)), device.tensor(noise(5, 2))];
    await expectSame((apply) => grad(apply((h) => h.square().mul(factor), [x]).sum(), [x, factor]));
  });

  it('takes an input twice, none for an argument, a body that gives its input, and one that ignores it', async () => {
    const x = variable([4], 1);
    await expectSame((apply) => withGradients(apply((a, b) => a.mul(b.exp()), [x, x]).sum(), [x]));
    await expectSame((apply) =>
      withGradients(
        apply((a) => a, [x])
          .square()
          .sum(),
        [x],
      ),
    );
    await expectSame((apply) => withGradients(apply(() => x.square(), [device.ones([2])]).sum(), [x]));
    await expectSame((apply) =>
      withGradients(apply((a, b?: Tensor) => (b === undefined ? a.exp() : a), [x, undefined]).sum(), [x]),
    );
  });

  it('draws the same dropout again from a key among the inputs, and takes integers', async () => {
    const [table, w] = [variable([7, 16], 1), variable([16, 16], 2)];
    await expectSame((apply) => {
      const [ids, key] = [device.tensor(Int32Array.of(3, 0, 3, 6)), device.tensor(randomKey(5))];
      const y = apply(
        (rows, dropoutKey) => {
          const hidden = table.gather(0, rows.unsqueeze(1).expand([4, 16])).dropout(0.5, dropoutKey);
          return hidden.matmul(w).dropout(0.25, foldIn(dropoutKey, 1));
        },
        [ids, key],
      );
      return withGradients(y.square().sum(), [table, w]);
    });
  });

  it('nests', async () => {
    const [x, w] = [variable([4, 4], 1), variable([4, 4], 2)];
    await expectSame((apply) => {
      const inner = (h: Tensor): Tensor => apply((each) => each.matmul(w).tanh(), [h]);
      return withGradients(apply((h) => inner(inner(h)).add(h), [x]).sum(), [x, w]);
    });
  });

  it('can be differentiated twice', async () => {
    const x = variable([5], 1);
    await expectSame((apply) => {
      const [first] = grad(apply((h) => h.pow(2).mul(h.exp()), [x]).sum(), [x]) as [Tensor];
      return [first, ...grad(first.square().sum(), [x])];
    });
  });

  it('works after its value has been read', async () => {
    const x = device.tensor([1, 2, 3]);
    const y = checkpoint((h) => h.square(), [x]);
    expect(await y.data()).toEqual(Float32Array.of(1, 4, 9));
    expect(await grad(y.sum(), [x])[0]?.data()).toEqual(Float32Array.of(2, 4, 6));
  });
});

describe('checkpoint refuses', () => {
  it('a body without inputs', () => {
    expect(() => checkpoint(() => device.ones([1]), [])).toThrow('expected at least one input, got none');
  });

  it('a body that assigns a variable', () => {
    const [x, count] = [variable([2], 1), device.variable(Float32Array.of(0), { name: 'count' })];
    const body = (h: Tensor): Tensor => {
      count.assign(count.add(1));
      return h.square();
    };
    expect(() => checkpoint(body, [x])).toThrow('the body assigned variable count');
  });

  it('a second run that uses other variables, or gives another shape', () => {
    const [x, w] = [variable([2], 1), variable([2], 2)];
    let runs = 0;
    const differentiate = (body: (h: Tensor) => Tensor): void => {
      runs = 0;
      checkpoint(body, [x]).sum().backward();
    };
    expect(() => differentiate((h) => (runs++ === 0 ? h.mul(w) : h))).toThrow(
      /did not use variable w2 \[2\] when it ran again/,
    );
    expect(() => differentiate((h) => (runs++ === 0 ? h : h.mul(w)))).toThrow(
      /used variable w2 \[2\] only when/,
    );
    expect(() => differentiate((h) => (runs++ === 0 ? h : h.slice(0, 1)))).toThrow(
      /gave f32\[2\], then f32\[1\]/,
    );
    expect(() => differentiate((h) => h.mul(device.variable(Float32Array.of(1, 2))))).toThrow(ForetokenError);
  });

  it('a variable that has been assigned before backward', () => {
    const [x, w] = [variable([2], 1), variable([2], 2)];
    const loss = checkpoint((h) => h.mul(w), [x]).sum();
    w.assign(w.mul(2));
    expect(() => loss.backward()).toThrow(/did not use variable w2 .* Call backward\(\) before assigning/);
    device.realize();
  });
});

describe('working memory', () => {
  const [rows, width, depth] = [256, 32, 12];
  const activation = rows * width * 4;

  /** A chain of blocks with dropout, and an optimizer that writes over the weights as soon as it may. */
  function training(apply: Apply) {
    const weights = Array.from({ length: depth }, (_, layer) => ({
      up: variable([width, 4 * width], layer),
      down: variable([4 * width, width], layer + 100),
      bias: variable([4 * width], layer + 200),
    }));
    const variables = weights.flatMap((each) => Object.values(each));
    const step = device.compile(({ x, key }: { x: Tensor; key: Tensor }) => {
      const block = (hidden: Tensor, layer: number): Tensor => {
        const { up, down, bias } = weights[layer] as (typeof weights)[number];
        return apply(
          (h, dropoutKey) => {
            const wide = h.rmsNorm().matmul(up).add(bias).gelu().dropout(0.1, foldIn(dropoutKey, layer));
            return h.add(wide.matmul(down));
          },
          [hidden, key],
        );
      };
      const loss = weights
        .reduce((hidden, _, layer) => block(hidden, layer), x)
        .square()
        .mean();
      loss.backward();
      for (const each of variables) {
        each.assign(each.sub((each.grad as Tensor).mul(0.1)));
        each.grad = undefined;
      }
      return { loss };
    });
    return { step, variables };
  }

  it('holds the inputs of blocks and the inside of one, and training goes the same way', async () => {
    const inputs = {
      x: { data: noise(rows * width, 7), shape: [rows, width] },
      key: { data: randomKey(3), shape: [2] },
    };
    const outcomes = [];
    for (const apply of [plainly, checkpoint]) {
      const { step, variables } = training(apply);
      const { arenaBytes } = await step.profile(inputs);
      const losses = [await step.run(inputs).loss.item(), await step.run(inputs).loss.item()];
      const values = await Promise.all(variables.map((each) => each.data()));
      outcomes.push({ arenaBytes, results: [Float32Array.from(losses), ...values] });
      step.dispose();
      for (const each of variables) each.dispose();
    }
    const [without, having] = outcomes as [(typeof outcomes)[number], (typeof outcomes)[number]];
    expectEqual(having.results, without.results);
    // Without, each block keeps its normalized rows, and the wide rows before and after the activation.
    expect(without.arenaBytes).toBeGreaterThan(depth * 6 * activation);
    expect(having.arenaBytes).toBeLessThan(without.arenaBytes / 2.5);
    expect(having.arenaBytes).toBeLessThan((depth + 26) * activation);
  });
});
