import { existsSync, realpathSync } from 'node:fs';
import { isAbsolute, join, relative, sep } from 'node:path';
import { oneLine, printable, quote } from '@foretoken/input';
import { readJsonFile } from '@foretoken/input/node';
import { parseRecipe } from '@foretoken/train';
import { z } from 'zod';
import { UsageError } from '../errors.js';

/** Bytes that a JSON file of a study may have: pictures of registers are in it, and plans of thousands of runs. */
const MAX_BYTES = 2 ** 27;

/** Text that a page shows: of any kind, but not of any length. */
const text = z.string().max(10_000);
/** JSON has no NaN and no infinities: `null` stands for them. */
const measured = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const whole = z.int().nonnegative();
const share = z.number().min(0).max(1);
const settings = z.record(z.string(), z.unknown());
const recipe = settings.transform((given, context) => {
  try {
    return parseRecipe(given);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});
const budgets = z.array(z.enum(['steps', 'flops'])).min(1);

/** A folder below that of the study, by its names alone. */
const isBelow = (path: string): boolean =>
  path !== '' &&
  !isAbsolute(path) &&
  !path.includes('\0') &&
  path.split(/[\\/]/).every((name) => name !== '..' && name !== '');

const study = z.object({
  name: text,
  title: text,
  description: text,
  recipe,
  variants: z.array(z.object({ name: text, title: text, objective: text, set: settings })).min(1),
  datasets: z
    .array(
      z.object({
        name: text,
        title: text,
        set: settings,
        variants: z.record(z.string(), settings),
        firstSeeds: z.int().positive().optional(),
        prepare: settings.optional(),
      }),
    )
    .min(1),
  seeds: z.array(whole).min(1),
  budgets,
  measure: settings,
});

/** What `study.json` holds. */
export const storedStudy = z.object({
  study,
  command: text,
  runs: z.array(
    z.object({
      variant: text,
      dataset: text,
      seed: whole,
      objective: text,
      recipe,
      budgets,
      folder: text.refine(isBelow, 'expected a folder below that of the study'),
    }),
  ),
});

const interval = z.object({ mean: measured, low: measured, high: measured });
const variantSummary = z.looseObject({
  variant: text,
  title: text,
  objective: text,
  seeds: z.array(whole).min(1),
  testLosses: z.array(measured),
  testLoss: interval,
  difference: interval.nullable(),
  offsets: z.array(z.object({ offset: whole, loss: interval })),
  drafts: z.array(z.object({ offset: whole, drafted: whole, accepted: whole, acceptanceRate: share })),
  tokensPerPass: z.number().nullable(),
  repetition: z.number().nullable(),
  trainedParameters: whole,
  extraParameters: whole,
  steps: whole,
  flops: z.number().nonnegative(),
  stepSeconds: measured,
  tokensPerSecond: measured,
  samples: z
    .object({
      samples: whole,
      accuracy: interval,
      frechetDistance: interval,
      precision: interval,
      recall: interval,
    })
    .nullish(),
});

/** The `summary.json` of a study whose runs are compared by losses. */
export const storedLossSummary = z.object({
  study,
  command: text,
  adapter: z.object({ name: text, software: z.boolean() }),
  versions: z.record(z.string(), z.string()),
  datasets: z.array(
    z.object({
      dataset: text,
      title: text,
      startLoss: z.number().nullable(),
      budgets: z.array(z.object({ budget: z.enum(['steps', 'flops']), variants: z.array(variantSummary) })),
    }),
  ),
});

export type StoredLossSummary = z.output<typeof storedLossSummary>;

/** A PNG as JSON holds it. */
const png = z
  .string()
  .max(2 ** 22)
  .regex(/^[A-Za-z0-9+/]*={0,2}$/);
const weight = z.number().min(0).max(1.001);
const side = z.int().positive().max(256);

const view = z
  .object({
    label: whole,
    height: side,
    width: side,
    image: png,
    looks: z
      .array(
        z.object({
          cell: whole,
          target: whole,
          attention: z.object({ classToken: weight, itself: weight, cells: z.array(weight) }),
          patch: png,
          likeliest: weight,
          truePatch: png,
          truth: weight,
        }),
      )
      .max(64),
  })
  .refine(
    ({ height, width, looks }) =>
      looks.every(
        ({ cell, target, attention }) => Math.max(cell, target, attention.cells.length - 1) < height * width,
      ),
    'cells beyond the image',
  );

/** What `measures.json` of a run holds, as far as reports read it. */
export const storedMeasures = z.object({
  testLoss: measured,
  offsets: z.array(z.object({ offset: whole, loss: measured, tokens: whole })).max(10_000),
  drafts: z
    .looseObject({
      passes: whole,
      tokens: whole,
      offsets: z.array(z.looseObject({ offset: whole, drafted: whole, accepted: whole })).max(10_000),
    })
    .nullable(),
  repetition: z.number().nullable(),
  samples: z
    .looseObject({
      samples: whole,
      accuracy: interval,
      frechetDistance: interval,
      precision: interval,
      recall: interval,
    })
    .nullish(),
  view: view.nullish(),
});

/** What `made.json` of tokens holds, as far as it is read. */
export const storedMade = z.looseObject({ settings: z.unknown() });

/** What `start.json` holds. */
export const storedStart = z.number().nullable();

/**
 * What a JSON file of a study holds; undefined where there is none.
 *
 * @param advice - what to do about a damaged file
 * @throws UsageError in one line that names the file and what is wrong with it
 */
export function readStored<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  advice: string,
): z.output<Schema> | undefined {
  if (!existsSync(path)) return undefined;
  let value: unknown;
  try {
    value = readJsonFile(path, { maxBytes: MAX_BYTES, error: UsageError });
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message.replace(/\.$/, '')}. ${advice}`, { cause });
  }
  const found = schema.safeParse(value);
  if (found.success) return found.data;
  throw new UsageError(`${printable(path)} is damaged: ${problemsOf(found.error)}. ${advice}`);
}

/** Problems that a line names. */
const NAMED = 3;

function problemsOf({ issues }: z.ZodError): string {
  const named = issues
    .slice(0, NAMED)
    .map(({ path, message }) => oneLine(`${path.length === 0 ? 'all of it' : path.join('.')}: ${message}`));
  const more = issues.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** @throws UsageError where a path below a folder leads out of it, by links or by its names */
export function checkInside(folder: string, below: string): void {
  const path = join(folder, below);
  if (!isBelow(below)) throw new UsageError(`${quote(below)} leads out of ${printable(folder)}.`);
  if (!existsSync(path)) return;
  const [home, there] = [realpathSync(folder), realpathSync(path)];
  const way = relative(home, there);
  if (way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way))
    throw new UsageError(`${printable(path)} is a link that leads out of ${printable(folder)}.`);
}
