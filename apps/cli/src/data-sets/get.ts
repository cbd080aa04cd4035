import { existsSync, rmdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { PublishedDataSet, PublishedFile } from '@foretoken/data';
import { makeFolder } from '@foretoken/train';
import { checkFormat, isPublishedFile } from './check-file.js';
import { derivations } from './derive/index.js';
import { downloadFile, type Waits } from './download.js';
import { BrokenOffError, DataSetError } from './errors.js';
import { type DataSetState, folderOf, stateOf } from './state.js';

/** How a data set is fetched. */
export interface GetOptions {
  /** Fetch the whole where a smaller version is there. */
  readonly whole?: boolean;
  /** Address of a mirror that has the files as NAME/FILE; that of the publisher without. */
  readonly mirror?: string | undefined;
  readonly onProgress?: (file: string, fetchedBytes: number, totalBytes: number | null) => void;
  readonly signal?: AbortSignal | undefined;
  readonly waits?: Partial<Waits>;
}

/** What came of it. */
export interface GetOutcome {
  readonly state: DataSetState;
  /** Files that were fetched, none where it was there. */
  readonly fetched: readonly string[];
}

/** No file is larger, whatever a server says. */
const MOST_BYTES = 2 ** 30;

const addressOf = ({ name }: PublishedDataSet, file: PublishedFile, mirror: string | undefined): string =>
  mirror === undefined ? file.url : `${mirror.replace(/\/+$/, '')}/${name}/${file.name}`;

async function fetchFile(
  dataSet: PublishedDataSet,
  file: PublishedFile,
  folder: string,
  options: GetOptions,
): Promise<void> {
  const { mirror, onProgress, signal, waits } = options;
  const path = join(folder, file.name);
  try {
    await downloadFile({
      url: addressOf(dataSet, file, mirror),
      path,
      bytes: file.bytes,
      mostBytes: file.bytes ?? file.mostBytes ?? MOST_BYTES,
      sha256: file.sha256,
      check: (partial) => checkFormat(partial, file),
      onProgress: (fetched, total) => onProgress?.(file.name, fetched, total),
      ...(signal === undefined ? {} : { signal }),
      ...(waits === undefined ? {} : { waits }),
    });
  } catch (cause) {
    if (!(cause instanceof DataSetError) || signal?.aborted === true) throw cause;
    const advice =
      cause instanceof BrokenOffError
        ? `The same command resumes where it ended; without a network, put ${file.name} into ${folder}, or name a data folder that has ${dataSet.name} in FORETOKEN_DATA.`
        : `Its publisher is ${dataSet.home}`;
    throw new DataSetError(`${dataSet.name}: ${cause.message}. ${advice}`, { cause });
  }
}

/** Those of the published files that are not there. */
async function missingOf({ files }: PublishedDataSet, folder: string): Promise<PublishedFile[]> {
  const missing: PublishedFile[] = [];
  for (const file of files) {
    const path = join(folder, file.name);
    if (!existsSync(path) || !(await isPublishedFile(path, file))) missing.push(file);
  }
  return missing;
}

/** @throws DataSetError where a file would be overwritten that somebody else has put there */
function checkNothingOverwritten(
  { name, derived }: PublishedDataSet,
  { kind, different, unchecked }: DataSetState,
  folder: string,
  missing: readonly PublishedFile[],
): void {
  if (kind === 'cut') return;
  // What is made from published files may be half made, where these are there.
  const strange = different[0] ?? (derived !== undefined && missing.length > 0 ? unchecked[0] : undefined);
  if (strange === undefined) return;
  throw new DataSetError(
    `${name}: ${join(folder, strange)} is not the published file. Move it away, then ask again.`,
  );
}

async function derive({ name, derived }: PublishedDataSet, folder: string): Promise<void> {
  if (derived === undefined) return;
  try {
    await derivations[derived.by](folder);
  } catch (cause) {
    if (!(cause instanceof DataSetError)) throw cause;
    throw new DataSetError(`${name}: ${cause.message}.`, { cause });
  }
}

/** Removes folders that stayed empty, up to the highest one that was made. */
function removeEmpty(folder: string, highest: string): void {
  for (let at = resolve(folder); ; at = dirname(at)) {
    try {
      rmdirSync(at);
    } catch {
      return;
    }
    if (at === resolve(highest)) return;
  }
}

/**
 * Makes a data set available in the data folder: what is there is used, what is missing is fetched from its publisher and
 * checked.
 *
 * @throws DataSetError in one line that says what can be done
 */
export async function getDataSet(dataSet: PublishedDataSet, options: GetOptions = {}): Promise<GetOutcome> {
  const before = await stateOf(dataSet);
  if (before.kind === 'whole' || (before.kind === 'cut' && options.whole !== true))
    return { state: before, fetched: [] };
  const folder = folderOf(dataSet.name);
  const all = await missingOf(dataSet, folder);
  const files = dataSet.derived === undefined ? all.filter(({ name }) => before.missing.includes(name)) : all;
  checkNothingOverwritten(dataSet, before, folder, files);
  const made = makeFolder(folder);
  try {
    for (const file of files) await fetchFile(dataSet, file, folder, options);
    await derive(dataSet, folder);
  } finally {
    if (made !== undefined) removeEmpty(folder, made);
  }
  return { state: await stateOf(dataSet), fetched: files.map(({ name }) => name) };
}
