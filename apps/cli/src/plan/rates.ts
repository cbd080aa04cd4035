import { parseJson } from '@foretoken/input';
import type { TuningStore } from '@foretoken/tensor';
import { fileTuningStore, type RunSummary } from '@foretoken/train';
import { z } from 'zod';

/** How fast runs were on an adapter. */
const rate = z.object({ flopsPerStep: z.number().positive(), flopsPerSecond: z.number().positive() });
const rates = z.array(rate);

export type Rate = z.output<typeof rate>;

/** Runs whose rate is kept, the newest first. */
const KEPT = 50;

const nameOf = (adapter: string): string => `rates of ${adapter}`;

/** How fast runs were on an adapter, kept among the caches of the user. */
export class Rates {
  private constructor(
    readonly adapter: string,
    readonly store: TuningStore,
    readonly all: readonly Rate[],
  ) {}

  static async open(adapter: string, store: TuningStore = fileTuningStore()): Promise<Rates> {
    try {
      const text = (await store.load(nameOf(adapter))) ?? '[]';
      return new Rates(adapter, store, rates.parse(parseJson(text, { what: 'rates' })));
    } catch {
      // A cache: what cannot be read was never there.
      return new Rates(adapter, store, []);
    }
  }

  /** FLOPs a second of the run whose steps were most alike in size; undefined where none was within a factor of ten. */
  of(flopsPerStep: number): number | undefined {
    const apart = ({ flopsPerStep: other }: Rate): number => Math.abs(Math.log10(other / flopsPerStep));
    const [nearest] = this.all.filter((each) => apart(each) <= 1).sort((a, b) => apart(a) - apart(b));
    return nearest?.flopsPerSecond;
  }
}

/** Remembers how fast a run was that has ended. */
export async function keepRate(
  adapter: string,
  { flops, tokens, tokensPerSecond, steps }: RunSummary,
  store: TuningStore = fileTuningStore(),
): Promise<void> {
  const found = rate.safeParse({
    flopsPerStep: flops / steps,
    flopsPerSecond: (flops * tokensPerSecond) / tokens,
  });
  if (!found.success) return;
  const { all } = await Rates.open(adapter, store);
  await store.save(nameOf(adapter), `${JSON.stringify([found.data, ...all].slice(0, KEPT))}\n`);
}
