import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { benchGenerate } from '../../bench/generate.js';
import { formatTable } from '../../format.js';
import { jsonFlag, namedSize, type SizeFlags, sizeFlags, tell, wholeNumber, withDevice } from './flags.js';

interface Flags extends Omit<SizeFlags, 'batch'> {
  readonly sequences: number;
  readonly seed: number;
  readonly json: boolean;
}

async function generate(this: void, flags: Flags): Promise<void> {
  const named = namedSize(flags);
  const { sequences, seed } = flags;
  tell(`${named.name}: ${sequences} sequences of ${named.size.context} tokens, twice ...`);
  const result = await withDevice((device) => benchGenerate(device, named, { sequences, seed }));
  if (flags.json) {
    process.stdout.write(toJson(result));
    return;
  }
  const rows = [
    ['adapter', result.adapter],
    ['tokens/s', `${result.tokensPerSecond.toFixed(1)} (${sequences} sequences)`],
    ['token', `${result.tokenMs.toFixed(2)} ms`],
    ['prompt', `${result.promptMs.toFixed(2)} ms (${result.promptTokens} tokens)`],
    ['first prompt', `${result.firstPromptMs.toFixed(0)} ms`],
  ];
  process.stdout.write(`${formatTable([`generate ${result.size}`, ''], rows, 'left')}\n`);
}

const { batch: _, ...modelFlags } = sizeFlags;

export const generateCommand = buildCommand<Flags>({
  func: generate,
  docs: {
    brief: 'Tokens per second of greedy generation with a key/value cache',
    fullDescription: 'Continues random prompts of a quarter of the context up to its end.',
  },
  parameters: {
    flags: {
      ...modelFlags,
      sequences: {
        kind: 'parsed',
        parse: wholeNumber(),
        default: '1',
        brief: 'Sequences that are continued at once',
      },
      seed: { kind: 'parsed', parse: wholeNumber(0), default: '0', brief: 'Seed of model and prompts' },
      json: jsonFlag,
    },
  },
});
