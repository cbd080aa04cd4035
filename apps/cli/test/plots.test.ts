import { describe, expect, it } from 'vitest';
import type { BudgetSummary, VariantSummary } from '../src/comparison/loss-summary.js';
import { linearAxis, lossAxis, ticksBetween } from '../src/report/axis.js';
import { keyOf } from '../src/report/loss-pictures.js';
import { differencePlot, draftPlot, offsetPlot, validationPlot } from '../src/report/loss-plots.js';
import { looksOf } from '../src/report/palette.js';
import { lossPlot, matchCurve, spreadPlot } from '../src/report/plots.js';
import { renderSvg } from '../src/report/render.js';
import type { RunLog } from '../src/report/run-logs.js';
import { panelSheet, sizeOfSvg } from '../src/report/sheet.js';
import type { Size } from '../src/report/sizes.js';

type Channel = { field?: string; value?: unknown; scale?: { domain: [number, number]; type?: string } };
interface Layer {
  readonly mark: { readonly type: string };
  readonly data?: { readonly values: Record<string, unknown>[] };
  readonly encoding: Record<string, Channel>;
}
interface Spec {
  readonly width: number;
  readonly height: number;
  readonly encoding?: Record<string, Channel>;
  readonly data?: { readonly values: Record<string, unknown>[] };
  readonly layer: readonly Layer[];
}

const SIZES: readonly Size[] = ['small', 'medium', 'large'];
const looks = looksOf(['ntp', 'mutor']);
const log = (objective: string, seed: number, matches: readonly number[]): RunLog => ({
  objective,
  seed,
  metrics: matches.map((_, at) => ({ step: at + 1, parts: { nextToken: 2 - at, zero: 0 } })),
  evaluations: matches.map((exactMatch, at) => ({
    step: 500 * (at + 1),
    flops: 1e9 * (at + 1),
    seconds: at + 1,
    scores: { exactMatch },
    validationLoss: 1 + exactMatch,
  })),
});
const logs = [log('ntp', 0, [0, 0.5, 1]), log('mutor', 0, [0, 1])];

/** What the ticks of an axis say, in a drawing. */
async function labels(axis: { scale: object; axis: object }): Promise<string[]> {
  const svg = await renderSvg({
    width: 300,
    height: 20,
    data: { values: [{ x: 1 }] },
    mark: 'point',
    encoding: { x: { field: 'x', type: 'quantitative', ...axis } },
  });
  return [...svg.matchAll(/<text[^>]*>([^<]+)<\/text>/g)].map(([, text = '']) => text);
}

describe('an axis', () => {
  it('has round ticks, each once', () => {
    expect(ticksBetween(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticksBetween(0.011, 0.034, 5)).toEqual([0.015, 0.02, 0.025, 0.03]);
    expect(ticksBetween(0, 3, 5, 1)).toEqual([0, 1, 2, 3]);
    expect(ticksBetween(-0.004, 0.01, 4)).toEqual([0, 0.005, 0.01]);
    for (const high of [1e-300, 1e-7, 0.7, 7, 1e20, 1e300]) {
      const ticks = ticksBetween(-high, high, 5);
      expect(new Set(ticks).size, String(high)).toBe(ticks.length);
      expect(ticks.length).toBeLessThan(12);
    }
  });

  it.each([
    ['share', [0, 0.034]],
    ['share', [0.98, 1]],
    ['count', [0, 7]],
    ['count', [0, 1.7]],
    ['count', [0, 1.2e12]],
    ['number', [1.501, 1.5042]],
    ['number', [1e-9, 3e-9]],
    ['number', [3, 3]],
    ['difference', [-0.012, 0.0004]],
    ['number', [-1e300, 1e300]],
  ] as const)('of %s over %j writes no two ticks alike', async (kind, values) => {
    const shown = await labels(linearAxis(values, { kind, pixels: 300 }));
    expect(shown.length).toBeGreaterThan(1);
    expect(new Set(shown).size, shown.join()).toBe(shown.length);
  });

  it('leaves room for marks at both ends', () => {
    const { scale } = linearAxis([0, 1], { kind: 'share', pixels: 240 }) as {
      scale: { domain: [number, number] };
    };
    const perPixel = (scale.domain[1] - scale.domain[0]) / 240;
    expect((0 - scale.domain[0]) / perPixel).toBeGreaterThan(5);
    expect((scale.domain[1] - 1) / perPixel).toBeGreaterThan(5);
  });

  it('of losses is logarithmic where they differ by much, and has labels there too', async () => {
    expect(lossAxis([2, 2.3], { pixels: 200 }).scale).not.toHaveProperty('type');
    const wide = lossAxis([1e-4, 2, 0], { pixels: 200 });
    expect(wide.scale).toMatchObject({ type: 'log', domain: [1e-4, 2] });
    const shown = await labels(wide);
    expect(new Set(shown).size).toBe(shown.length);
  });
});

describe('a learning curve', () => {
  it.each(SIZES)('has chance as a line across all of it, whatever the curves have for x: %s', (size) => {
    const spec = matchCurve(logs, 'step', 0.5, looks)?.(size) as Spec;
    expect(spec.encoding).toBeUndefined();
    const rule = spec.layer.find(({ mark }) => mark.type === 'rule') as Layer;
    expect(rule.encoding['x']).toEqual({ value: 0 });
    expect(rule.encoding['x2']).toEqual({ value: spec.width });
    expect(rule.encoding['y']?.field).toBe('chance');
    expect(rule.data?.values).toEqual([{ chance: 0.5 }]);
  });

  it('draws the line of chance', async () => {
    const spec = matchCurve(logs, 'seconds', 0.5, looks)?.('medium') as Spec;
    const svg = await renderSvg(spec);
    const rule = /<line [^>]*x2="(-?[\d.]+)"[^>]*stroke-dasharray="5,4"/.exec(svg);
    expect(Math.abs(Number(rule?.[1]))).toBeCloseTo(spec.width, 0);
  });

  it('leaves out what is no number, and is not drawn without any', () => {
    const broken = log('ntp', 0, [Number.NaN, 1e308, 0.5]);
    const spec = matchCurve([broken], 'step', 0.5, looks)?.('medium') as Spec;
    expect(spec.layer.find(({ mark }) => mark.type === 'line')?.data?.values).toHaveLength(1);
    expect(matchCurve([log('ntp', 0, [])], 'step', 0.5, looks)).toBeUndefined();
  });
});

const interval = (mean: number, reach: number) => ({ mean, low: mean - reach, high: mean + reach });
const variant = (name: string, fields: Partial<VariantSummary>): VariantSummary =>
  ({
    variant: name,
    title: `the ${name}`,
    seeds: [0, 1],
    offsets: [],
    drafts: [],
    difference: null,
    ...fields,
  }) as VariantSummary;
const budget: BudgetSummary = {
  budget: 'steps',
  variants: [
    variant('ntp', {}),
    variant('mutor', {
      difference: interval(0.01, 0),
      offsets: [1, 2].map((offset) => ({ offset, loss: interval(offset, 0.1) })),
      drafts: [2, 3].map((offset) => ({ offset, drafted: 9, accepted: 1, acceptanceRate: 0.02 / offset })),
    }),
    variant('mtp', { difference: interval(0.02, 0.01) }),
  ],
};
const all = {
  looks: looksOf(['ntp', 'mutor', 'mtp']),
  titles: new Map(['ntp', 'mutor', 'mtp'].map((name) => [name, `the ${name}`])),
};

describe('drawings of losses', () => {
  it('name what is drawn, and nothing else', () => {
    expect(offsetPlot(budget, all)?.drawn).toEqual(['mutor']);
    expect(draftPlot(budget, all)?.drawn).toEqual(['mutor']);
    expect(differencePlot(budget, all)?.drawn).toEqual(['mutor', 'mtp']);
    expect(validationPlot([], 'step', all)).toBeUndefined();
    expect(keyOf(all, ['mutor']).map(({ title }) => title)).toEqual(['the mutor']);
  });

  it('have no interval where seeds do not differ', () => {
    const spec = differencePlot(budget, all)?.specOf('large') as Spec;
    const [, rule] = spec.layer;
    expect(rule?.data?.values.map((each) => each['variant'])).toEqual(['mtp']);
    const spread = spreadPlot(
      [
        {
          objective: 'ntp',
          exactMatch: interval(0.5, 0),
          seeds: [0, 1].map((seed) => ({ seed, exactMatch: 0.5 })),
        },
        {
          objective: 'mutor',
          exactMatch: interval(0.9, 0.1),
          seeds: [0, 1].map((seed) => ({ seed, exactMatch: 0.9 })),
        },
      ],
      0.5,
      looks,
    )?.('large') as Spec;
    const rules = spread.layer.filter(({ mark }) => mark.type === 'rule');
    expect(rules[1]?.data?.values.map((each) => each['objective'])).toEqual(['mutor']);
  });

  it('share one key on a sheet, below panels of one height', async () => {
    const svg = await renderSvg(offsetPlot(budget, all)?.specOf('large') ?? {});
    const sheet = panelSheet(
      'Losses',
      [
        { title: 'A', svg },
        { title: 'B', svg },
      ],
      keyOf(all, ['mutor']),
    );
    expect(sheet.match(/the mutor/g)).toHaveLength(1);
    expect(sheet).not.toContain('the ntp');
    const { width, height } = sizeOfSvg(sheet);
    expect(width).toBeGreaterThan(2 * sizeOfSvg(svg).width);
    expect(height).toBeGreaterThan(sizeOfSvg(svg).height);
  });
});

describe('parts of a loss', () => {
  it('are drawn with zeros where the axis has a place for them', () => {
    const spec = lossPlot(logs, 'ntp', looks.get('ntp') as never)?.('small') as Spec;
    expect(spec.encoding?.['y']?.scale?.type).toBeUndefined();
    expect(spec.data?.values.map(({ loss }) => loss)).toEqual([2, 0, 1, 0, 0, 0]);
  });
});
