import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type PublishedDataSet, type PublishedFile, readableFiles } from '@foretoken/data';
import { dataFolder } from '@foretoken/data/node';
import { isPublishedFile, sha256OfFile } from './check-file.js';

/** What is there of a data set. */
export interface DataSetState {
  /** `whole`: all files. `cut`: a smaller version. `partly`: some files. */
  readonly kind: 'whole' | 'cut' | 'partly' | 'absent';
  /** Where its files are, or will be. */
  readonly folder: string;
  /** Files that are there, and whose digest is known: checked. */
  readonly checked: readonly string[];
  /** Files that are there, of which no digest is known. */
  readonly unchecked: readonly string[];
  /** Files that are not there. */
  readonly missing: readonly string[];
  /** Files that are there with other contents than were published. */
  readonly different: readonly string[];
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** The folder of a data set, where it is or will be: below the data folder, or that one itself by its name. */
export function folderOf(name: string): string {
  const folder = dataFolder();
  const below = join(folder, name);
  return existsSync(below) || basename(folder) !== name ? below : folder;
}

/** A file as it is there: under its name, or unpacked. */
function present(folder: string, name: string): string | undefined {
  return [name, name.replace(/\.gz$/, '')].find((each) => isFile(join(folder, each)));
}

async function cutIn({ cut }: PublishedDataSet): Promise<string | undefined> {
  if (cut === undefined) return undefined;
  const folder = folderOf(cut.folder);
  for (const { name, sha256 } of cut.files) {
    if (!isFile(join(folder, name)) || (await sha256OfFile(join(folder, name))) !== sha256) return undefined;
  }
  return folder;
}

/** A file that is read, and the digests that are known of it. */
function knownOf(
  { files, derived }: PublishedDataSet,
  name: string,
): Pick<PublishedFile, 'sha256' | 'unpackedSha256'> {
  return [...files, ...(derived?.files ?? [])].find((each) => each.name === name) ?? { sha256: null };
}

/** Looks at what there is of a data set in the data folder; reads all of it, to compare it with what was published. */
export async function stateOf(dataSet: PublishedDataSet): Promise<DataSetState> {
  const folder = folderOf(dataSet.name);
  const [checked, unchecked, missing, different]: [string[], string[], string[], string[]] = [[], [], [], []];
  for (const file of readableFiles(dataSet)) {
    const there = present(folder, file);
    const known = knownOf(dataSet, file);
    if (there === undefined) missing.push(file);
    else if (known.sha256 === null) unchecked.push(there);
    else if (await isPublishedFile(join(folder, there), known)) checked.push(there);
    else different.push(there);
  }
  const found = { folder, checked, unchecked, missing, different };
  const cutFolder = await cutIn(dataSet);
  if (cutFolder !== undefined && dataSet.cut !== undefined) {
    const names = dataSet.cut.files.map(({ name }) => name);
    // Where the sample has the names of the whole, its digests tell them apart.
    const isWhole =
      missing.length + different.length === 0 && !names.some((name) => unchecked.includes(name));
    if (!isWhole)
      return { ...found, kind: 'cut', folder: cutFolder, checked: names, unchecked: [], different: [] };
  }
  if (missing.length + different.length === 0) return { ...found, kind: 'whole' };
  return { ...found, kind: checked.length + unchecked.length + different.length === 0 ? 'absent' : 'partly' };
}
