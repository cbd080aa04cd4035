import type { SequenceTask, TextTokenizer } from '@foretoken/data';
import type { z } from 'zod';

type Settings = Readonly<Record<string, unknown>>;

/** A task of sequences, and the tokenizer where it is one of text. */
export interface LoadedTask {
  readonly task: SequenceTask;
  readonly tokenizer?: TextTokenizer;
  /** What became of the data, a line for each split. */
  readonly reports: readonly string[];
}

/** A kind of tasks of sequences. */
export interface SequenceKind {
  readonly name: string;
  /** The model that is made where the recipe names none. */
  readonly defaultModel: string;
  /** Settings that can be given as `task.NAME`. */
  readonly keys: readonly string[];
  /** What these settings are. */
  readonly schema: z.ZodType;
  /** Whether a tokenizer makes its tokens. */
  readonly isText: boolean;
  /** @throws TaskConfigError with all that is wrong */
  check(settings: Settings): void;
  /**
   * @param tokenizerFolder - where the tokenizer is when the settings do not say
   * @throws DataError in one line
   */
  load(settings: Settings, seed: number, tokenizerFolder: string | undefined): Promise<LoadedTask>;
}
