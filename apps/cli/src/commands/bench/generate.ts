import { Transformer } from '@foretoken/models';
import { type Device, HostRandom } from '@foretoken/tensor';
import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import {
  benchGenerate,
  type GenerateResult,
  type GenerateSubject,
  randomPrompts,
} from '../../bench/generate.js';
import { gptConfig } from '../../bench/sizes.js';
import { UsageError } from '../../errors.js';
import { jsonFlag, optionalNumber, optionalText, seedNumber, wholeNumber } from '../../flags.js';
import { formatShare, formatTable } from '../../format.js';
import { DRAFT_KINDS, type DraftKind, loadDrafter } from '../../generation/drafter.js';
import { readPrompts } from '../../generation/prompts.js';
import { findModel } from '../../models/model-source.js';
import { openModel, type TextModel } from '../../models/open-model.js';
import { tell } from '../../output.js';
import { namedSize, type SizeFlags, sizeFlags, withDevice } from './flags.js';

interface Flags extends Omit<SizeFlags, 'batch'> {
  readonly model?: string;
  readonly prompts?: string;
  readonly promptTokens: number;
  readonly draft: DraftKind;
  readonly draftFrom?: string;
  readonly draftCount?: number;
  readonly tokens: number;
  readonly sequences: number;
  readonly seed: number;
  readonly json: boolean;
}

const RANDOM_PROMPTS = 64;

function checkFlags({ model, prompts, draft, draftFrom, sequences }: Flags): void {
  const refuse = (message: string): never => {
    throw new UsageError(message);
  };
  if (draft !== 'none' && (draftFrom === undefined || model === undefined))
    refuse(`--draft ${draft} needs --model, and --draft-from with its ${draft}.`);
  if (draft !== 'none' && sequences !== 1) refuse('--draft works on one sequence at a time: --sequences 1.');
  if (prompts !== undefined && model === undefined) refuse('--prompts needs --model.');
}

type Measured = Pick<GenerateSubject, 'name' | 'model' | 'prompts' | 'newTokens' | 'drafter'>;

/** The first tokens of each line that has as many. */
function textPrompts({ tokenizer }: TextModel, path: string, length: number): number[][] {
  const prompts = readPrompts(path, 'prompt').flatMap((text) => {
    const ids = tokenizer.encode(text, { begin: tokenizer.addsBeginToken });
    return ids.length < length ? [] : [ids.slice(0, length)];
  });
  if (prompts.length === 0)
    throw new UsageError(`--prompts ${path}: no line has ${length} tokens. Choose fewer --prompt-tokens.`);
  return prompts;
}

async function measured(device: Device, flags: Flags): Promise<Measured> {
  const { seed } = flags;
  if (flags.model === undefined) {
    const { name, size } = namedSize(flags);
    const model = new Transformer(device, gptConfig(size), new HostRandom(seed, 1));
    return { name, model, ...randomPrompts(model, seed, RANDOM_PROMPTS) };
  }
  const text = await openModel(device, await findModel({ name: flags.model }));
  const { model } = text;
  const { draft, draftFrom, draftCount, promptTokens } = flags;
  const drafter =
    draft === 'none' || draftFrom === undefined
      ? undefined
      : loadDrafter(model, { kind: draft, from: draftFrom, count: draftCount }).drafter;
  if (flags.prompts === undefined)
    return { name: flags.model, model, drafter, ...randomPrompts(model, seed, RANDOM_PROMPTS) };
  const prompts = textPrompts(text, flags.prompts, promptTokens);
  return {
    name: flags.model,
    model,
    drafter,
    prompts,
    newTokens: model.config.maxPositions - promptTokens + 1,
  };
}

function rowsOf(result: GenerateResult): string[][] {
  const { speculation, boundMs, boundRatio } = result;
  const rows = [
    ['adapter', result.adapter],
    ['tokens/s', `${result.tokensPerSecond.toFixed(1)} (${result.sequences} sequences)`],
    ['token', `${result.tokenMs.toFixed(2)} ms`],
    ['prompt', `${result.promptMs.toFixed(2)} ms (${result.promptTokens} tokens)`],
    ['first prompt', `${result.firstPromptMs.toFixed(0)} ms`],
    [
      'adapter costs',
      `${result.dispatches ?? '?'} dispatches of ${result.emptyDispatchMicroseconds.toFixed(1)} us, ${(result.bytesPerToken / 2 ** 20).toFixed(2)} MiB at ${result.gigabytesPerSecond.toFixed(2)} GB/s`,
    ],
  ];
  if (boundMs !== null && boundRatio !== null)
    rows.push(['bound', `${boundMs.toFixed(2)} ms; a token takes ${boundRatio.toFixed(2)} times as long`]);
  if (speculation === null) return rows;
  const { offsets, acceptanceRate } = speculation;
  return [
    ...rows,
    ['drafts', `${speculation.drafts}, ${speculation.draftCount} at a time`],
    ['accepted', acceptanceRate === null ? '-' : formatShare(acceptanceRate)],
    ...offsets.map(({ offset, drafted, reached, accepted }) => [
      `  offset ${offset}`,
      `${formatShare(accepted / Math.max(drafted, 1))} of all, ${formatShare(accepted / Math.max(reached, 1))} of those behind accepted ones`,
    ]),
    ['tokens a pass', speculation.tokensPerPass.toFixed(2)],
    [
      'tokens/s',
      `${speculation.tokensPerSecond.toFixed(1)}, ${speculation.speedUp.toFixed(2)} times plain decoding`,
    ],
    ['greedy tokens', `${speculation.comparedTokens} compared, ${speculation.differentTokens} different`],
  ];
}

async function generate(this: void, flags: Flags): Promise<void> {
  checkFlags(flags);
  const { sequences, tokens } = flags;
  const result = await withDevice(async (device) => {
    const subject = await measured(device, flags);
    tell(
      `${subject.name}: ${sequences} sequences of up to ${subject.model.config.maxPositions} tokens, in turns ...`,
    );
    try {
      return await benchGenerate(device, { ...subject, sequences, compareTokens: tokens });
    } finally {
      subject.model.dispose();
    }
  });
  if (flags.json) process.stdout.write(toJson(result));
  else process.stdout.write(`${formatTable([`generate ${result.size}`, ''], rowsOf(result), 'left')}\n`);
}

const { batch: _, ...modelFlags } = sizeFlags;

export const generateCommand = buildCommand<Flags>({
  func: generate,
  docs: {
    brief:
      'Speed of greedy generation with a key/value cache, against what the adapter itself costs, and with drafts',
    fullDescription:
      'Continues random prompts of a quarter of the context up to its end, or with --model and --prompts the beginnings of texts. With --draft also with drafts, in turns, and compares the tokens.',
  },
  parameters: {
    flags: {
      ...modelFlags,
      model: optionalText(
        'MODEL',
        'Folder of a model, or organization/model of the hub, instead of a named size',
      ),
      prompts: optionalText('FILE', 'File of prompts, one a line'),
      promptTokens: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(1, 2 ** 20),
        default: '16',
        brief: 'Tokens of a prompt of --prompts; shorter lines are passed over',
      },
      draft: { kind: 'enum', values: DRAFT_KINDS, default: 'none', brief: 'What guesses tokens ahead' },
      draftFrom: optionalText('DIR', 'Run folder or safetensors file with the registers or heads'),
      draftCount: optionalNumber('Tokens to guess at a time [default = as many as were trained]', 4096),
      tokens: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(1, 10_000_000),
        default: '2000',
        brief: 'Tokens to compare with plain decoding, at least',
      },
      sequences: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(1, 4096),
        default: '1',
        brief: 'Sequences that are continued at once',
      },
      seed: {
        kind: 'parsed',
        placeholder: 'N',
        parse: seedNumber,
        default: '0',
        brief: 'Seed of model and prompts',
      },
      json: jsonFlag,
    },
  },
});
