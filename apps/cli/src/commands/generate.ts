import type { Device } from '@foretoken/tensor';
import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { openTunedDevice } from '../device.js';
import { UsageError } from '../errors.js';
import {
  jsonFlag,
  numberAboveZero,
  numberFrom,
  optionalNumber,
  optionalText,
  optionalTexts,
  seedNumber,
  text,
  wholeNumber,
} from '../flags.js';
import { formatShare } from '../format.js';
import { type ChatMessage, ChatTemplate } from '../generation/chat-template.js';
import { type Continuation, type ContinueOptions, Continuer } from '../generation/continuation.js';
import { Conversation } from '../generation/conversation.js';
import { DRAFT_KINDS, type DraftKind, loadDrafter } from '../generation/drafter.js';
import { promptText, readPrompts } from '../generation/prompts.js';
import { TerminalChat } from '../generation/terminal-chat.js';
import { findModel } from '../models/model-source.js';
import { openModel, type TextModel } from '../models/open-model.js';
import { tell } from '../output.js';

interface Flags {
  readonly model: string;
  readonly adapter?: string;
  readonly prompt?: string;
  readonly prompts?: string;
  readonly field: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly seed: number;
  readonly stop?: readonly string[];
  readonly chat: boolean;
  readonly system?: string;
  readonly draft: DraftKind;
  readonly draftFrom?: string;
  readonly draftCount?: number;
  readonly batch: number;
  readonly json: boolean;
}

function checkFlags({ prompt, prompts, chat, system, draft, draftFrom, draftCount, json }: Flags): void {
  const refuse = (message: string): never => {
    throw new UsageError(message);
  };
  if (prompt !== undefined && prompts !== undefined) refuse('--prompt and --prompts: give one of the two.');
  if (prompt === undefined && prompts === undefined) {
    if (!chat) refuse('no prompt: give --prompt TEXT (- for standard input), --prompts FILE, or --chat.');
    if (!process.stdin.isTTY)
      refuse(
        '--chat without --prompt talks with a terminal, and standard input is none. Give --prompt TEXT.',
      );
    if (json) refuse('--json needs --prompt or --prompts.');
  }
  if (system !== undefined && !chat) refuse('--system belongs to --chat.');
  if (draft !== 'none' && draftFrom === undefined) {
    refuse(
      `--draft ${draft} needs --draft-from: a run folder of "foretoken train", or a safetensors file with the ${draft}.`,
    );
  }
  if (draft === 'none' && (draftFrom !== undefined || draftCount !== undefined))
    refuse(
      `${draftFrom === undefined ? '--draft-count' : '--draft-from'} needs --draft registers or --draft heads.`,
    );
}

const optionsOf = ({ maxTokens, temperature, topK, topP, seed, stop = [] }: Flags): ContinueOptions => ({
  maxNewTokens: maxTokens,
  temperature,
  seed,
  stops: stop,
  ...(topK === undefined ? {} : { topK }),
  ...(topP === undefined ? {} : { topP }),
});

/** Turns prompts into ids: as they are, or as the first turn of a conversation each. */
function encodePrompts(
  { system }: Flags,
  { tokenizer, folder }: TextModel,
  template: ChatTemplate | undefined,
  texts: readonly string[],
): number[][] {
  const begin: readonly ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }];
  const rendered = template?.renderAll(texts.map((content) => [...begin, { role: 'user', content }]));
  return texts.map((text, at) => {
    const ids =
      rendered === undefined
        ? tokenizer.encode(text, { begin: tokenizer.addsBeginToken })
        : tokenizer.encode(rendered[at] as string);
    if (ids.length === 0)
      throw new UsageError(`the prompt is empty, and ${folder} has no token that begins a text.`);
    return ids;
  });
}

/** Tells where the context has less room for a continuation than was asked for. */
function tellRoom({ maxTokens }: Flags, { model }: TextModel, encoded: readonly (readonly number[])[]): void {
  const context = model.config.maxPositions;
  const short = encoded.filter((ids) => context - ids.length + 1 < maxTokens);
  const [first] = short;
  // Where all of them do, more was asked for than any prompt can get.
  if (first === undefined || short.length === encoded.length) return;
  const room = context - first.length + 1;
  tell(
    `${short.length} of ${encoded.length} prompts have less room than ${maxTokens} tokens in the context of ${context}, the first of them ${room}; they end there.`,
  );
}

function speedLine(continuer: Continuer, { ids, tokensPerSecond }: Continuation): string {
  const { report } = continuer;
  const drafts =
    report === undefined || report.acceptanceRate === null
      ? ''
      : `, ${formatShare(report.acceptanceRate)} of the drafts accepted, ${(report.tokens / report.passes).toFixed(2)} tokens a pass`;
  return `${ids.length} tokens, ${tokensPerSecond.toFixed(1)} tokens/s${drafts}`;
}

async function continueOne(
  flags: Flags,
  text: string,
  model: TextModel,
  continuer: Continuer,
): Promise<void> {
  const template = flags.chat ? new ChatTemplate(model.folder) : undefined;
  const [ids = []] = encodePrompts(flags, model, template, [text]);
  const [result] = await continuer.continue([ids], optionsOf(flags), (_, piece) => {
    if (!flags.json) process.stdout.write(piece);
  });
  if (result === undefined) return;
  if (flags.json) process.stdout.write(toJson(result));
  else {
    process.stdout.write('\n');
    tell(speedLine(continuer, result));
  }
}

/** Prompts of a file in groups; a line of JSON for each, or its text under a heading. */
async function continueMany(
  flags: Flags,
  texts: readonly string[],
  model: TextModel,
  continuer: Continuer,
): Promise<void> {
  const template = flags.chat ? new ChatTemplate(model.folder) : undefined;
  const encoded = encodePrompts(flags, model, template, texts);
  tellRoom(flags, model, encoded);
  continuer.reserve(encoded, flags.maxTokens);
  for (let first = 0; first < encoded.length; first += flags.batch) {
    const group = encoded.slice(first, first + flags.batch);
    const results = await continuer.continue(group, { ...optionsOf(flags), firstStream: first });
    results.forEach((result, at) => {
      const prompt = texts[first + at] as string;
      process.stdout.write(
        flags.json
          ? `${JSON.stringify({ prompt, ...result })}\n`
          : `--- ${first + at + 1}: ${prompt}\n${result.text}\n`,
      );
    });
  }
}

/** A conversation on the terminal. */
function converse(
  flags: Flags,
  { folder, tokenizer, model }: TextModel,
  continuer: Continuer,
): Promise<void> {
  const conversation = new Conversation({
    template: new ChatTemplate(folder),
    encode: (text) => tokenizer.encode(text),
    continuer,
    context: model.config.maxPositions,
    options: optionsOf(flags),
    system: flags.system,
  });
  const { stdin, stdout, stderr } = process;
  return new TerminalChat(conversation, { input: stdin, output: stdout, notes: stderr }).run();
}

async function withModel(device: Device, flags: Flags): Promise<void> {
  const { draft, draftFrom, draftCount } = flags;
  const texts = flags.prompts === undefined ? undefined : readPrompts(flags.prompts, flags.field);
  const prompt = flags.prompt === undefined ? undefined : await promptText(flags.prompt);
  const model = await openModel(device, await findModel({ name: flags.model, adapter: flags.adapter }));
  const drafter =
    draft === 'none' || draftFrom === undefined
      ? undefined
      : loadDrafter(model.model, { kind: draft, from: draftFrom, count: draftCount });
  const batch = Math.min(flags.batch, texts?.length ?? 1);
  const continuer = new Continuer(model, batch, drafter);
  if (texts !== undefined) await continueMany(flags, texts, model, continuer);
  else if (prompt !== undefined) await continueOne(flags, prompt, model, continuer);
  else await converse(flags, model, continuer);
}

async function generate(this: void, flags: Flags): Promise<void> {
  checkFlags(flags);
  const device = await openTunedDevice();
  try {
    await withModel(device, flags);
  } finally {
    device.close();
  }
}

export const generateCommand = buildCommand<Flags>({
  func: generate,
  docs: {
    brief: 'Continue a text or chat with a model, with or without drafts',
    fullDescription:
      'Streams text to standard output. Greedy unless --temperature says otherwise. With --draft, registers or heads that were trained with the model guess tokens ahead, and the model verifies them: greedy text stays the same, sampled text has the same distribution.',
  },
  parameters: {
    flags: {
      model: {
        kind: 'parsed',
        placeholder: 'MODEL',
        parse: text,
        brief: 'Folder of a model, a run or adapters, or organization/model of the hub',
      },
      adapter: optionalText('DIR', "Folder of adapters in PEFT's format, to put on the model"),
      prompt: {
        kind: 'parsed',
        placeholder: 'TEXT',
        parse: String,
        optional: true,
        brief: 'Text to continue, or to answer with --chat; - reads standard input',
      },
      prompts: optionalText('FILE', 'File of prompts, one a line; of .jsonl the field --field'),
      field: {
        kind: 'parsed',
        placeholder: 'NAME',
        parse: text,
        default: 'prompt',
        brief: 'Field of a .jsonl file with the prompt',
      },
      maxTokens: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(0, 2 ** 20),
        default: '256',
        brief: 'Most new tokens',
      },
      temperature: {
        kind: 'parsed',
        placeholder: 'X',
        parse: numberFrom(0, 1000),
        default: '0',
        brief: '0 always takes the likeliest token',
      },
      topK: optionalNumber('Draw among the k likeliest tokens only'),
      topP: {
        kind: 'parsed',
        placeholder: 'X',
        parse: numberAboveZero(1),
        optional: true,
        brief: 'Draw among the likeliest tokens that reach this probability together',
      },
      seed: { kind: 'parsed', placeholder: 'N', parse: seedNumber, default: '0', brief: 'Seed of the draws' },
      stop: optionalTexts('TEXT', 'Text before which a continuation ends; may be given again'),
      chat: { kind: 'boolean', default: false, brief: "Write prompts by the model's chat template" },
      system: optionalText('TEXT', 'System message of --chat'),
      draft: {
        kind: 'enum',
        values: DRAFT_KINDS,
        default: 'none',
        brief: 'What guesses tokens ahead for the model to verify',
      },
      draftFrom: optionalText(
        'DIR',
        'Run folder of "foretoken train", or safetensors file, with the registers or heads',
      ),
      draftCount: optionalNumber('Tokens to guess at a time [default = as many as were trained]', 4096),
      batch: {
        kind: 'parsed',
        placeholder: 'N',
        parse: wholeNumber(1, 4096),
        default: '8',
        brief: 'Prompts of a file at a time',
      },
      json: jsonFlag,
    },
  },
});
