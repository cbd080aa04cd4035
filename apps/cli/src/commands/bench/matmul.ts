import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import {
  benchMatmul,
  type MatmulResult,
  type MatmulShape,
  SQUARES,
  shapesOfStep,
} from '../../bench/matmul.js';
import { chooseSize, sizeNames } from '../../bench/sizes.js';
import { UsageError } from '../../errors.js';
import { jsonFlag, optionalNumber } from '../../flags.js';
import { formatTable } from '../../format.js';
import { tell } from '../../output.js';
import { withDevice } from './flags.js';

interface Flags {
  readonly m?: number;
  readonly k?: number;
  readonly n?: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly json: boolean;
}

/** The shapes that the flags ask for: one, or the list. */
function chosenShapes({ m, k, n, transposeA, transposeB }: Flags): readonly MatmulShape[] {
  if (m !== undefined && k !== undefined && n !== undefined) return [{ m, k, n, transposeA, transposeB }];
  if (m !== undefined || k !== undefined || n !== undefined || transposeA || transposeB) {
    throw new UsageError(
      'bench matmul: expected all of --m, --k and --n for one shape, or no flags for a list.',
    );
  }
  return [...SQUARES, ...sizeNames.flatMap((name) => shapesOfStep(chooseSize(name, {}).size))];
}

function table(results: readonly MatmulResult[]): string {
  return formatTable(
    ['shape', 'GFLOP/s', 'median', 'us', 'variant'],
    results.map(({ m, k, n, transposeA, transposeB, gflops, medianGflops, microseconds, variant }) => [
      `[${m}, ${k}]${transposeA ? "'" : ''} [${k}, ${n}]${transposeB ? "'" : ''}`,
      gflops.toFixed(2),
      medianGflops.toFixed(2),
      microseconds.toFixed(0),
      variant,
    ]),
  );
}

async function matmul(this: void, flags: Flags): Promise<void> {
  const shapes = chosenShapes(flags);
  const [adapter, results] = await withDevice(async (device) => {
    const measured: MatmulResult[] = [];
    for (const shape of shapes) {
      tell(`[${shape.m}, ${shape.k}] [${shape.k}, ${shape.n}] ...`);
      measured.push(await benchMatmul(device, shape));
    }
    return [device.info.name, measured] as const;
  });
  if (!flags.json) {
    process.stdout.write(
      `${adapter}\n\n${table(results)}\n\nA ' marks a factor that is stored transposed.\n`,
    );
    return;
  }
  const [only] = results;
  process.stdout.write(toJson(flags.m === undefined ? { adapter, shapes: results } : { ...only, adapter }));
}

export const matmulCommand = buildCommand<Flags>({
  func: matmul,
  docs: {
    brief: 'GFLOP/s of matrix products, by shape and kernel variant',
    fullDescription:
      'A list of telling shapes: squares, and the products of the MLP of sizes S and M, forward and backward. With --m --k --n one product of [m, k] and [k, n].',
  },
  parameters: {
    flags: {
      m: optionalNumber('Rows of the result'),
      k: optionalNumber('Inner size'),
      n: optionalNumber('Columns of the result'),
      transposeA: { kind: 'boolean', default: false, brief: 'The left factor is stored as [k, m]' },
      transposeB: { kind: 'boolean', default: false, brief: 'The right factor is stored as [n, k]' },
      json: jsonFlag,
    },
    aliases: { m: 'm', k: 'k', n: 'n' },
  },
});
