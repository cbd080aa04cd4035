import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { benchElementwise } from '../../bench/elementwise.js';
import { jsonFlag, wholeNumber } from '../../flags.js';
import { formatTable } from '../../format.js';
import { tell } from '../../output.js';
import { withDevice } from './flags.js';

interface Flags {
  readonly rows: number;
  readonly width: number;
  readonly json: boolean;
}

async function elementwise(this: void, { rows, width, json }: Flags): Promise<void> {
  tell(`tensors [${rows}, ${width}] ...`);
  const [adapter, results] = await withDevice(
    async (device) => [device.info.name, await benchElementwise(device, rows, width)] as const,
  );
  if (json) {
    process.stdout.write(toJson({ adapter, operations: results }));
    return;
  }
  const table = formatTable(
    [`f32 [${rows}, ${width}]`, 'GB/s', 'us', 'variant'],
    results.map(({ operation, gigabytesPerSecond, microseconds, variant }) => [
      operation,
      gigabytesPerSecond.toFixed(2),
      microseconds.toFixed(0),
      variant,
    ]),
  );
  process.stdout.write(`${adapter}\n\n${table}\n`);
}

export const elementwiseCommand = buildCommand<Flags>({
  func: elementwise,
  docs: {
    brief: 'GB/s of operations that memory bounds',
    fullDescription: 'Add, GELU, softmax and layer norm of rows, and the sum, of f32 tensors.',
  },
  parameters: {
    flags: {
      rows: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(),
        default: '4096',
        brief: 'Rows of the tensors',
      },
      width: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(),
        default: '512',
        brief: 'Numbers of a row',
      },
      json: jsonFlag,
    },
  },
});
