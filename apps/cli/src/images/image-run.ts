import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ImageTokenTask } from '@foretoken/data';
import { ImageCoder, type ImageTokenizer, tokenGrid } from '@foretoken/models';
import { loadImageTokenizer } from '@foretoken/models/node';
import type { Device } from '@foretoken/tensor';
import { type SequenceWork, type Session, sequencesOf, trainedSession } from '@foretoken/train';
import { UsageError } from '../errors.js';

/** A trained image transformer, and what turns its tokens into pictures. Its `dispose` frees what came with it. */
export interface ImageRun {
  readonly session: Session;
  readonly work: SequenceWork;
  readonly task: ImageTokenTask;
  readonly tokenizer: ImageTokenizer;
  readonly coder: ImageCoder;
  dispose(): void;
}

/** Where `foretoken images tokens` puts the tokenizer, beside the files of tokens. */
export const TOKENIZER_FOLDER = 'tokenizer';

/** The folder of the tokenizer of a run: the one beside its training tokens. */
function tokenizerFolder(task: ImageTokenTask, given: string | undefined): string {
  if (given !== undefined) return given;
  const [first] = task.config.files?.train ?? [];
  const beside = join(dirname(first ?? '.'), TOKENIZER_FOLDER);
  if (existsSync(beside)) return beside;
  throw new UsageError(
    `there is no tokenizer in ${beside}: give its folder with --tokenizer. Tokens of another program have none, and no pictures.`,
  );
}

function checkFits({ config }: ImageTokenizer, task: ImageTokenTask, folder: string): void {
  const grid = tokenGrid(config);
  const fits =
    grid.height === task.grid.height &&
    grid.width === task.grid.width &&
    config.codes === task.vocabularySize;
  if (fits) return;
  throw new UsageError(
    `${folder}: a tokenizer of ${grid.height} x ${grid.width} tokens and ${config.codes} codes, the run has ${task.grid.height} x ${task.grid.width} and ${task.vocabularySize}. Give its own with --tokenizer.`,
  );
}

/**
 * What turns the tokens of an open run into pictures.
 *
 * @param tokenizer - its folder; default the one beside the training tokens
 * @throws UsageError when the run is none of image tokens, or the tokenizer is of others; errors of files in one line
 */
export async function imageRunOf(session: Session, tokenizer?: string): Promise<ImageRun> {
  const { task } = session.work;
  if (!(task instanceof ImageTokenTask)) {
    throw new UsageError(`the run is of ${task.name}, not of image tokens.`);
  }
  const folder = tokenizerFolder(task, tokenizer);
  const loaded = await loadImageTokenizer(session.device, folder);
  checkFits(loaded, task, folder);
  const coder = new ImageCoder(loaded);
  return {
    session,
    work: sequencesOf(session),
    task,
    tokenizer: loaded,
    coder,
    dispose: () => {
      coder.dispose();
      loaded.dispose();
    },
  };
}

/** @throws as `imageRunOf`, with the run */
export async function openImageRun(
  device: Device,
  path: string,
  tokenizer: string | undefined,
): Promise<ImageRun> {
  const session = await trainedSession(device, path);
  try {
    const run = await imageRunOf(session, tokenizer);
    const dispose = (): void => {
      run.dispose();
      session.dispose();
    };
    return { ...run, dispose };
  } catch (error) {
    session.dispose();
    if (error instanceof UsageError) throw new UsageError(`${path}: ${error.message}`, { cause: error });
    throw error;
  }
}
