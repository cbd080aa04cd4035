import { attention, type Device, grad, HostRandom } from '@foretoken/tensor';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const TOLERANCE = 1e-4;

/** Compares a result of the GPU with the same computed here, in doubles. */
function compare(name: string, actual: ArrayLike<number>, expected: readonly number[]): Check {
  const scale = Math.max(...expected.map(Math.abs), 1e-6);
  const error = Math.max(...expected.map((value, at) => Math.abs(value - (actual[at] as number)))) / scale;
  const ok = actual.length === expected.length && error < TOLERANCE;
  return { name, ok, detail: `relative error ${error.toExponential(1)}, allowed ${TOLERANCE}` };
}

const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Runs one kernel of each kind against a plain computation on the CPU. */
export async function selfTest(device: Device): Promise<Check[]> {
  const random = new HostRandom(0);
  const draw = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
  const [rows, inner, columns] = [33, 65, 17];
  const a = draw(rows * inner);
  const b = draw(inner * columns);
  const at = (values: Float32Array, place: number): number => values[place] as number;
  const product = range(rows * columns).map((place) => {
    const [row, column] = [Math.floor(place / columns), place % columns];
    return sum(range(inner).map((k) => at(a, row * inner + k) * at(b, k * columns + column)));
  });
  const tensorA = device.tensor(a, { shape: [rows, inner] });
  const tensorB = device.tensor(b, { shape: [inner, columns] });
  const checks = [compare('matmul', await tensorA.matmul(tensorB).data(), product)];

  checks.push(
    compare(
      'reduction',
      await tensorA.sum(0).data(),
      range(inner).map((k) => sum(range(rows).map((row) => at(a, row * inner + k)))),
    ),
  );

  const softmaxOf = (values: readonly number[]): number[] => {
    const highest = Math.max(...values);
    const powers = values.map((value) => Math.exp(value - highest));
    return powers.map((power) => power / sum(powers));
  };
  const softmax = range(rows).flatMap((row) => softmaxOf([...a.subarray(row * inner, (row + 1) * inner)]));
  checks.push(compare('softmax', await tensorA.softmax().data(), softmax));

  const [time, width] = [9, 8];
  const [q, k, v] = [draw(time * width), draw(time * width), draw(time * width)];
  const attended = range(time).flatMap((query) => {
    const scores = range(query + 1).map(
      (key) =>
        sum(range(width).map((w) => at(q, query * width + w) * at(k, key * width + w))) / Math.sqrt(width),
    );
    const weights = softmaxOf(scores);
    return range(width).map((w) => sum(weights.map((weight, key) => weight * at(v, key * width + w))));
  });
  const heads = (values: Float32Array) => device.tensor(values, { shape: [1, 1, time, width] });
  const places = device.arange(time);
  const mask = places.unsqueeze(0).le(places.unsqueeze(1));
  checks.push(compare('attention', await attention(heads(q), heads(k), heads(v), { mask }).data(), attended));

  const x = device.tensor(a);
  const [slope] = grad(x.tanh().square().sum(), [x]);
  checks.push(
    compare(
      'gradient',
      (await slope?.data()) ?? [],
      [...a].map((value) => 2 * Math.tanh(value) * (1 - Math.tanh(value) ** 2)),
    ),
  );
  return checks;
}
