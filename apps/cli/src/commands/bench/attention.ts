import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import {
  ATTENTION_SHAPES,
  type AttentionResult,
  type AttentionShape,
  benchAttention,
} from '../../bench/attention.js';
import { UsageError } from '../../errors.js';
import { jsonFlag, optionalNumber } from '../../flags.js';
import { formatTable } from '../../format.js';
import { tell } from '../../output.js';
import { withDevice } from './flags.js';

type Flags = Partial<AttentionShape> & { readonly json: boolean };

function chosenShapes({ batch, heads, time, headWidth }: Flags): readonly AttentionShape[] {
  const given = [batch, heads, time, headWidth].filter((size) => size !== undefined);
  if (given.length === 0) return ATTENTION_SHAPES;
  if (batch !== undefined && heads !== undefined && time !== undefined && headWidth !== undefined) {
    return [{ batch, heads, time, headWidth }];
  }
  throw new UsageError(
    'bench attention: expected all of --batch, --heads, --time and --headWidth for one shape, or no flags for a list.',
  );
}

function table(results: readonly AttentionResult[]): string {
  return formatTable(
    ['batch, heads, time, width', 'forward GFLOP/s', 'backward', 'forward us', 'backward', 'variant'],
    results.map((result) => [
      `${result.batch}, ${result.heads}, ${result.time}, ${result.headWidth}`,
      result.forwardGflops.toFixed(2),
      result.backwardGflops.toFixed(2),
      result.forwardMicroseconds.toFixed(0),
      result.backwardMicroseconds.toFixed(0),
      result.variant,
    ]),
  );
}

async function attention(this: void, flags: Flags): Promise<void> {
  const shapes = chosenShapes(flags);
  const [adapter, results] = await withDevice(async (device) => {
    const measured: AttentionResult[] = [];
    for (const shape of shapes) {
      tell(`${Object.values(shape).join(', ')} ...`);
      measured.push(await benchAttention(device, shape));
    }
    return [device.info.name, measured] as const;
  });
  if (!flags.json) process.stdout.write(`${adapter}, causal\n\n${table(results)}\n`);
  else if (flags.batch === undefined) process.stdout.write(toJson({ adapter, shapes: results }));
  else process.stdout.write(toJson({ ...results[0], adapter }));
}

export const attentionCommand = buildCommand<Flags>({
  func: attention,
  docs: {
    brief: 'GFLOP/s of causal attention, forward and backward',
    fullDescription: 'Some shapes, or one that is given in full. Only what the mask leaves counts as work.',
  },
  parameters: {
    flags: {
      batch: optionalNumber('Sequences'),
      heads: optionalNumber('Heads'),
      time: optionalNumber('Tokens of a sequence'),
      headWidth: optionalNumber('Width of a head'),
      json: jsonFlag,
    },
  },
});
