import type { Tensor } from '@foretoken/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  causalMask,
  paddingMask,
  prefixMask,
  type TokenMetadata,
  visible,
  windowMask,
} from '../src/index.js';
import { useDevice } from './support/device.js';

const gpu = useDevice();

const row = (values: readonly number[]): Tensor =>
  gpu.device.tensor(Int32Array.from(values), { shape: [1, values.length] });

/** Rows of 0 and 1 as strings. */
async function drawn(mask: Tensor): Promise<string[]> {
  const width = mask.shape.at(-1) as number;
  const bits = [...(await mask.data())].join('');
  return bits.match(new RegExp(`.{${width}}`, 'g')) ?? [];
}

interface HostMetadata {
  readonly order: number[];
  readonly slot: number[];
  readonly segment: number[];
  readonly prefix: number[];
}

const upload = ({ order, slot, segment, prefix }: HostMetadata): TokenMetadata => ({
  order: row(order),
  slot: row(slot),
  segment: row(segment),
  prefix: row(prefix),
});

describe('windowMask', () => {
  it('sees as many position ids back as its size, its own included, and whatever lies ahead', async () => {
    const positions = row([0, 1, 2, 3]);
    expect(await drawn(windowMask(positions, positions, 2))).toEqual(['1111', '1111', '0111', '0011']);
  });

  it('goes by position ids, not by places', async () => {
    expect(await drawn(windowMask(row([5]), row([0, 3, 4, 4, 5]), 2))).toEqual(['00111']);
  });
});

describe('visible', () => {
  // The worked example of the method: x1 x2 | r1 x3 r2 x4 r3 x5 r4 x6 with a prompt of two tokens.
  const interleaved: HostMetadata = {
    order: [0, 1, 1, 2, 2, 3, 3, 4, 4, 5],
    slot: [0, 0, 1, 0, 2, 0, 3, 0, 4, 0],
    segment: Array(10).fill(0),
    prefix: [1, 1, 0, 0, 0, 0, 0, 0, 0, 0],
  };
  const rows = [
    '1100000000',
    '1100000000',
    '1110000000',
    '1101000000',
    '1101100000',
    '1101010000',
    '1101011000',
    '1101010100',
    '1101010110',
    '1101010101',
  ];

  it('draws the matrix of the worked example', async () => {
    const metadata = upload(interleaved);
    expect(await drawn(visible(metadata, metadata, { bidirectional: true }))).toEqual(rows);
    expect(await drawn(visible(metadata))).toEqual(['1000000000', ...rows.slice(1)]);
  });

  it('is the predicate of the contract for any metadata', async () => {
    const token = fc.record({
      order: fc.nat(4),
      slot: fc.nat(2),
      segment: fc.integer({ min: -1, max: 1 }),
      prefix: fc.nat(1),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(token, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        async (tokens, bidirectional) => {
          const column = (name: keyof HostMetadata): number[] => tokens.map((of) => of[name]);
          const metadata = upload({
            order: column('order'),
            slot: column('slot'),
            segment: column('segment'),
            prefix: column('prefix'),
          });
          const expected = tokens.map((q) =>
            tokens
              .map((k) => {
                const both = q.slot === 0 && bidirectional && q.prefix === 1 && k.prefix === 1;
                const real = k.slot === 0 && (k.order <= q.order || both);
                return q.segment === k.segment && (real || (q.slot > 0 && k.slot === q.slot)) ? '1' : '0';
              })
              .join(''),
          );
          expect(await drawn(visible(metadata, metadata, { bidirectional }))).toEqual(expected);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('needs no slots and no prefix for plain causal attention', async () => {
    const metadata = { order: row([0, 1, 2]), segment: row([0, 0, 1]) };
    expect(await drawn(visible(metadata))).toEqual(['100', '110', '001']);
  });
});

describe('simple masks', () => {
  it('causal, also with more keys than queries', async () => {
    expect(await drawn(causalMask(gpu.device, 3))).toEqual(['100', '110', '111']);
    expect(await drawn(causalMask(gpu.device, 2, 4))).toEqual(['1110', '1111']);
    expect(() => causalMask(gpu.device, 3, 2)).toThrow('3 queries need as many keys, got 2');
  });

  it('prefix', async () => {
    const mask = prefixMask(gpu.device.tensor(Int32Array.of(2, 0)), 3);
    expect(mask.shape).toEqual([2, 1, 3, 3]);
    expect(await drawn(mask)).toEqual(['110', '110', '111', '100', '110', '111']);
  });

  it('padding', async () => {
    const mask = paddingMask(gpu.device.tensor(Int32Array.of(1, 3)), 3);
    expect(mask.shape).toEqual([2, 1, 1, 3]);
    expect(await drawn(mask)).toEqual(['100', '111']);
  });
});
