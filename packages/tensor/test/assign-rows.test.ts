import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Device, openDevice, type Tensor } from '../src/index.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const SHAPE = [2, 4, 3];
const counted = (): Float32Array => Float32Array.from({ length: 24 }, (_, at) => at);

/** What it must give, by plain loops. */
function replaced(rows: ArrayLike<number>, places: readonly number[]): number[] {
  const values = [...counted()];
  for (let outer = 0; outer < 2; outer++) {
    places.forEach((place, row) => {
      for (let at = 0; at < 3 && place >= 0 && place < 4; at++)
        values[(outer * 4 + place) * 3 + at] = rows[(outer * places.length + row) * 3 + at] as number;
    });
  }
  return values;
}

describe('assignRows', () => {
  it.each([[[2]], [[3, 0]], [[1, 4, -1]]])(
    'replaces rows %j, leaves out those out of range',
    async (places) => {
      const variable = device.variable(counted(), { shape: SHAPE });
      const rows = Float32Array.from({ length: 6 * places.length }, (_, at) => -1 - at);
      variable.assignRows(
        1,
        device.tensor(rows, { shape: [2, places.length, 3] }),
        device.tensor(Int32Array.from(places)),
      );
      expect([...(await variable.data())]).toEqual(replaced(rows, places));
      variable.dispose();
    },
  );

  it('keeps what other runs of a compiled step wrote, and gives the whole', async () => {
    const variable = device.variable(counted(), { shape: SHAPE });
    const step = device.compile(({ rows, place }: { rows: Tensor; place: Tensor }) => ({
      total: variable.assignRows(1, rows.mul(2), place).sum(),
    }));
    let last = 0;
    for (const place of [0, 3]) {
      const { total } = step.run({
        rows: { data: new Float32Array(6).fill(1), shape: [2, 1, 3] },
        place: { data: Int32Array.of(place), shape: [1] },
      });
      last = await total.item();
    }
    const expected = replaced(new Float32Array(12).fill(2), [0, 3]);
    expect([...(await variable.data())]).toEqual(expected);
    expect(last).toBe(expected.reduce((sum, value) => sum + value, 0));
    step.dispose();
    variable.dispose();
  });

  it('refuses to write where the values from before are still read', async () => {
    const variable = device.variable(counted(), { shape: SHAPE });
    const before = variable.mul(2);
    const both = variable.assignRows(1, device.zeros([2, 1, 3]), device.tensor(Int32Array.of(1))).add(before);
    expect(() => device.realize(both)).toThrow('read in the same evaluation');
    variable.dispose();
  });

  it('refuses rows that do not fit, other types, and a second assignment', () => {
    const variable = device.variable(counted(), { shape: SHAPE });
    const places = device.tensor(Int32Array.of(1));
    expect(() => variable.assignRows(1, device.zeros([2, 2, 3]), places)).toThrow('take rows [2, 1, 3]');
    expect(() => variable.assignRows(1, device.zeros([2, 1, 3], 'i32'), places)).toThrow('expected an f32');
    variable.assignRows(1, device.zeros([2, 1, 3]), places);
    expect(() => variable.assignRows(1, device.zeros([2, 1, 3]), places)).toThrow('not evaluated yet');
    device.realize();
    variable.dispose();
  });
});
