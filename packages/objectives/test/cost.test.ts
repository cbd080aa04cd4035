import { attentionOnlyConfig, gpt2Config } from '@foretoken/models';
import { describe, expect, it } from 'vitest';
import { make } from './support/context.js';

const size = { batch: 2, time: 10, prefix: 6 };
const tiny = attentionOnlyConfig({ vocabularySize: 5, width: 4, layers: 3, heads: 2, maxPositions: 16 });

/** Multiply-adds of one token, by hand: four 4 x 4 projections, scores and mixture over `keys` keys of 4 numbers. */
const block = (keys: number): number => 4 * 4 * 4 + 2 * 4 * keys;
const logits = 4 * 5;

describe('cost of a step, counted by hand', () => {
  const flops = (name: string, settings = {}): number => make(name, settings, tiny).cost(tiny, size).flops;
  const training = (multiplyAdds: number): number => 3 * 2 * multiplyAdds;

  it('next token: three blocks and the logits of every token', () => {
    expect(flops('ntp')).toBe(training(2 * 10 * (3 * block(10) + logits)));
  });

  it('heads: a block and logits more for each but the first', () => {
    expect(flops('mtp', { heads: 3 })).toBe(training(2 * 10 * (5 * block(10) + 3 * logits)));
    expect(flops('mtp', { heads: 1 })).toBe(flops('ntp'));
  });

  it('teacherless: as next token, twice when mixed', () => {
    expect(flops('teacherless')).toBe(flops('ntp'));
    expect(flops('teacherless', { weight: 0.5 })).toBe(2 * flops('ntp'));
  });

  it('registers: longer sequences, whatever the offsets', () => {
    const registers = 10 - 6;
    expect(flops('mutor')).toBe(training(2 * (10 + registers) * (3 * block(10 + registers) + logits)));
    expect(flops('mutor', { maxOffset: 9 })).toBe(flops('mutor'));
    expect(flops('mutor', { registers: 'everywhere' })).toBe(training(2 * 19 * (3 * block(19) + logits)));
    expect(flops('mutor', { registerCount: 2 })).toBe(training(2 * 12 * (3 * block(12) + logits)));
    expect(flops('mutor', { weight: 0 })).toBe(flops('ntp'));
  });

  it('an MLP counts as well', () => {
    const withMlp = gpt2Config({ vocabularySize: 5, width: 4, layers: 1, heads: 2, maxPositions: 16 });
    const expected = training(2 * 10 * (block(10) + 2 * 4 * 16 + logits));
    expect(make('ntp', {}, withMlp).cost(withMlp, size).flops).toBe(expected);
  });

  it('tokens are those of the data, whatever is added to them', () => {
    for (const name of ['ntp', 'mtp', 'teacherless', 'mutor'])
      expect(make(name, {}, tiny).cost(tiny, size).tokens).toBe(20);
  });
});

describe('cost on the star-graph recipe R1, against the reference runs', () => {
  const config = attentionOnlyConfig({ vocabularySize: 13 });
  const r1 = { batch: 64, time: 13, prefix: 9 };
  it.each([
    ['ntp', {}, 6000, 2.7e12],
    ['mutor', { maxOffset: 3 }, 1125, 6.9e11],
    ['mtp', { heads: 3 }, 625, 4.0e11],
    ['teacherless', {}, 750, 3.4e11],
  ])('%s %j: %i steps', (name, settings, steps, expected) => {
    const flops = steps * make(name, settings, config).cost(config, r1).flops;
    expect(Math.abs(flops / expected - 1)).toBeLessThan(0.02);
  });
});
