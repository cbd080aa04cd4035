import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomic } from '@foretoken/train';
import { DataSetError } from '../errors.js';

const SEPARATOR = '<|endoftext|>';

/** Stories of each file. */
const STORIES = { train: 4000, valid: 200 } as const;

/** Stories in the form of the published file, each followed by a line with the separator; paragraphs by single newlines. */
const joined = (stories: readonly string[]): string =>
  stories.map((story) => `${story}\n${SEPARATOR}\n`).join('');

/** Writes `train.txt` and `valid.txt`: the first stories of the published file, and those behind them. */
export function deriveTinyStories(folder: string): void {
  const text = readFileSync(join(folder, 'TinyStories-valid.txt'), 'utf8');
  const stories = text
    .split(SEPARATOR)
    .map((story) => story.trim().replace(/\s*\n\s*/g, '\n'))
    .filter((story) => story !== '');
  const { train, valid } = STORIES;
  if (stories.length < train + valid)
    throw new DataSetError(
      `TinyStories-valid.txt holds ${stories.length} stories, and ${train + valid} are needed`,
    );
  writeAtomic(join(folder, 'train.txt'), joined(stories.slice(0, train)));
  writeAtomic(join(folder, 'valid.txt'), joined(stories.slice(train, train + valid)));
}
