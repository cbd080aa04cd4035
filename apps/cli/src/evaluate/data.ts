import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TextRecord } from '@foretoken/data';
import { findData, isFolder, readRecords } from '@foretoken/data/node';
import { UsageError } from '../errors.js';

export type SplitName = 'train' | 'validation' | 'test';

/** How files name a split: `test.jsonl`, `dialogsum.dev.jsonl`, `test-00000-of-00001.parquet`. */
const WORDS: Readonly<Record<SplitName, readonly string[]>> = {
  train: ['train'],
  validation: ['validation', 'valid', 'val', 'dev'],
  test: ['test'],
};

const READABLE = /\.(jsonl|ndjson|json|txt)(\.gz)?$|\.parquet$/i;

/** The files of a split in a folder; none where there is none. */
export function filesOfSplit(folder: string, split: SplitName): string[] {
  return readdirSync(folder)
    .filter((name) => READABLE.test(name))
    .filter((name) =>
      name
        .toLowerCase()
        .split(/[^a-z]+/)
        .some((word) => WORDS[split].includes(word)),
    )
    .sort()
    .map((name) => join(folder, name));
}

/**
 * The files that are meant: a file itself, or those of the split in a folder.
 *
 * @throws UsageError when the folder has none
 */
export function dataFiles(given: string, split: SplitName): string[] {
  const path = findData(given);
  if (!isFolder(path)) return [path];
  const files = filesOfSplit(path, split);
  if (files.length > 0) return files;
  const names = readdirSync(path).slice(0, 8).join(', ') || 'nothing';
  throw new UsageError(
    `${path}: no file of the ${split} split; it holds ${names}. Give a file, or another --split.`,
  );
}

/**
 * Files to take worked examples from: those given, or what a folder has beside the split that is asked.
 *
 * @throws UsageError when there are none
 */
export function shotFiles(given: string | undefined, asked: string, split: SplitName): string[] {
  if (given !== undefined) return dataFiles(given, 'train');
  const data = findData(asked);
  const splits = (['train', 'validation'] as const).filter((each) => each !== split);
  const found = isFolder(data) ? splits.map((each) => filesOfSplit(data, each)) : [];
  const files = found.find((each) => each.length > 0);
  if (files !== undefined) return files;
  throw new UsageError(
    `--shots: no examples to show beside ${data}. Name a file of them with --shots-data, not the one that is asked.`,
  );
}

/** The first records of files, all of them without a limit. */
export async function readFirst(
  paths: readonly string[],
  limit = Number.POSITIVE_INFINITY,
): Promise<TextRecord[]> {
  const records: TextRecord[] = [];
  for (const path of paths) {
    for await (const record of readRecords(path)) {
      if (records.length >= limit) return records;
      records.push(record);
    }
  }
  return records;
}

/** A file as others can tell that they have the same. */
export interface FileIdentity {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

export async function identityOf(file: string): Promise<FileIdentity> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return { file, bytes: statSync(file).size, sha256: hash.digest('hex') };
}
