import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  columnText,
  TextTokenizer,
  TOKENIZER_KINDS,
  type TokenizerKind,
  TokenizerTrainer,
} from '@foretoken/data';
import { findData, readRecords, saveTokenizer } from '@foretoken/data/node';
import { buildCommand } from '@stricli/core';
import { UsageError } from '../../errors.js';
import { text, wholeNumber } from '../../flags.js';
import { tell } from '../../output.js';

interface Flags {
  readonly kind: TokenizerKind;
  readonly vocabulary?: number;
  readonly minFrequency: number;
  readonly files: readonly string[];
  readonly column: string;
  readonly endToken: string;
  readonly out: string;
}

/** Texts that show how long tokens are: the first ones, so many characters of them. */
const MEASURED = 100_000;

/** The texts of files, one after the other. */
async function* textsOf({ files, column }: Flags): AsyncGenerator<string> {
  for (const file of files) {
    for await (const record of readRecords(findData(file), { columns: [column] }))
      yield columnText(record, column);
  }
}

async function train(this: void, flags: Flags): Promise<void> {
  const { kind, vocabulary, minFrequency, endToken, out } = flags;
  if (kind === 'char' && vocabulary !== undefined)
    throw new UsageError('--vocabulary: char has a token for each character; use it with --kind bpe.');
  if (existsSync(join(out, 'config.json')))
    throw new UsageError(`--out ${out}: is the folder of a model, which has a tokenizer. Give another one.`);
  const start = performance.now();
  const trainer = new TokenizerTrainer({
    kind,
    minFrequency,
    endToken,
    ...(vocabulary === undefined ? {} : { vocabularySize: vocabulary }),
  });
  let sample = '';
  for await (const text of textsOf(flags)) {
    trainer.add(text);
    if (sample.length < MEASURED) sample += text.slice(0, MEASURED - sample.length);
  }
  const files = trainer.finish();
  const tokenizer = new TextTokenizer(files, out);
  if (vocabulary !== undefined && tokenizer.vocabularySize < vocabulary)
    tell(`The texts give ${tokenizer.vocabularySize} tokens: no further pair occurs ${minFrequency} times.`);
  saveTokenizer(out, files);
  const seconds = (performance.now() - start) / 1000;
  const perToken = sample.length / Math.max(tokenizer.encode(sample).length, 1);
  process.stdout.write(
    `${tokenizer.vocabularySize} tokens in ${seconds.toFixed(1)} s, ${perToken.toFixed(2)} characters per token. Tokenizer: ${out}\n`,
  );
}

export const trainTokenizerCommand = buildCommand<Flags>({
  func: train,
  docs: {
    brief: 'Train a tokenizer of characters or byte pairs on text',
    fullDescription:
      "Writes tokenizer.json and tokenizer_config.json, which Hugging Face's libraries open as well. A recipe takes the folder as --task.tokenizer DIR; --task.tokenizer char or bpe:1000 trains one on the training texts of the run itself. See docs/from-scratch.md.",
  },
  parameters: {
    flags: {
      kind: {
        kind: 'enum',
        values: TOKENIZER_KINDS,
        default: 'bpe',
        brief: 'char: a token for each character; bpe: byte pairs, as GPT-2',
      },
      vocabulary: {
        kind: 'parsed',
        parse: wholeNumber(1, 1_000_000),
        optional: true,
        placeholder: 'N',
        brief: 'Tokens of bpe at most [default = 1000]',
      },
      minFrequency: {
        kind: 'parsed',
        parse: wholeNumber(),
        default: '2',
        placeholder: 'N',
        brief: 'bpe: pairs that occur less often are not merged',
      },
      files: {
        kind: 'parsed',
        parse: text,
        variadic: true,
        placeholder: 'FILE',
        brief: 'Text, JSON Lines or parquet to learn from; may be given again',
      },
      column: {
        kind: 'parsed',
        parse: text,
        default: 'text',
        placeholder: 'NAME',
        brief: 'Column of the text',
      },
      endToken: {
        kind: 'parsed',
        parse: text,
        default: '<|endoftext|>',
        placeholder: 'TEXT',
        brief: 'Token that ends a text',
      },
      out: { kind: 'parsed', parse: text, placeholder: 'DIR', brief: 'Folder for the files' },
    },
  },
});
