import { z } from 'zod';
import {
  checkVocabularySize,
  DEFAULT_VOCABULARY_SIZE,
  type TrainTokenizerOptions,
} from '../tokenizer-training/train.js';
import { TextTokenizer } from './tokenizer.js';
import type { TokenizerFiles } from './tokenizer-files.js';

/** A tokenizer that was made for a task, and lies in no folder yet. */
export class TrainedTokenizer extends TextTokenizer {
  /** Parsed JSON of the files that it is saved as. */
  readonly files: TokenizerFiles;

  constructor(files: TokenizerFiles, name: string) {
    super(files, name);
    this.files = files;
  }
}

/**
 * What a setting `tokenizer` asks to train: `char`, `bpe`, or `bpe:2000` with its vocabulary.
 *
 * @returns undefined for anything else, which is the folder of a tokenizer
 * @throws TaskConfigError for a vocabulary that no tokenizer can have
 */
export function tokenizerToTrain(setting: string): TrainTokenizerOptions | undefined {
  if (setting === 'char') return { kind: 'char' };
  const [, size] = /^bpe(?::(.*))?$/s.exec(setting) ?? [];
  if (setting !== 'bpe' && size === undefined) return undefined;
  const vocabularySize =
    size === undefined ? DEFAULT_VOCABULARY_SIZE : /^\d+$/.test(size) ? Number(size) : Number.NaN;
  checkVocabularySize(vocabularySize);
  return { kind: 'bpe', vocabularySize };
}

/** The setting `tokenizer` of a task. */
export const tokenizerSetting = z
  .string()
  .min(1)
  .superRefine((setting, context) => {
    try {
      tokenizerToTrain(setting);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });
