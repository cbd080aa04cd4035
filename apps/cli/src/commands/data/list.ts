import { type PublishedDataSet, publishedDataSets } from '@foretoken/data';
import { dataFolder } from '@foretoken/data/node';
import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { type DataSetState, stateOf } from '../../data-sets/state.js';
import { formatTable } from '../../format.js';
import { parseDataSet } from './get.js';

interface Flags {
  readonly json: boolean;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Bytes to fetch; of files whose size nobody has published, only that there are more. */
function sizeText({ files }: PublishedDataSet): string {
  const known = files.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const open = files.filter(({ bytes }) => bytes === null).map(({ name }) => name);
  return open.length === 0 ? megabytes(known) : `${megabytes(known)} + ${open.join(', ')}`;
}

const STATES: Readonly<Record<DataSetState['kind'], string>> = {
  whole: 'yes',
  cut: 'a part',
  partly: 'incomplete',
  absent: 'no',
};

function printAll(found: readonly (readonly [PublishedDataSet, DataSetState])[]): void {
  const rows = found.map(([dataSet, { kind }]) => [
    dataSet.name,
    STATES[kind],
    sizeText(dataSet),
    dataSet.licence,
    dataSet.holds,
  ]);
  process.stdout.write(
    `${formatTable(['name', 'here', 'download', 'licence', 'holds'], rows, 'left')}\n\nHere: in the data folder ${dataFolder()} (FORETOKEN_DATA names another). "foretoken data get NAME" fetches one; "foretoken data list NAME" shows its files.\n`,
  );
}

/** Files of one data set: where they come from, and how they are checked. */
function printFiles(dataSet: PublishedDataSet, { kind, folder }: DataSetState): void {
  const { title, holds, licence, home, note, files, derived, cut } = dataSet;
  process.stdout.write(
    `${title}: ${holds}\nlicence: ${licence}\npublisher: ${home}\nhere: ${STATES[kind]}, ${folder}\n`,
  );
  if (note !== undefined) process.stdout.write(`${note}\n`);
  for (const { name, url, bytes, sha256, lines } of files) {
    const unknown = `not published; checked by its format${lines === undefined ? '' : ` and its ${lines.toLocaleString('en')} lines`}`;
    process.stdout.write(
      `\n${name}\n  from    ${url}\n  bytes   ${bytes?.toLocaleString('en') ?? 'not published'}\n  SHA-256 ${sha256 ?? unknown}\n`,
    );
  }
  if (derived !== undefined)
    process.stdout.write(`\nmade from them: ${derived.files.map(({ name }) => name).join(', ')}\n`);
  if (cut !== undefined)
    process.stdout.write(
      `\na smaller version that serves as well: ${cut.folder}/ with ${cut.files.map(({ name }) => name).join(', ')} (${cut.holds})\n`,
    );
}

async function list(this: void, { json }: Flags, ...named: PublishedDataSet[]): Promise<void> {
  const dataSets = named.length > 0 ? [...new Set(named)] : publishedDataSets;
  const found: [PublishedDataSet, DataSetState][] = [];
  for (const dataSet of dataSets) found.push([dataSet, await stateOf(dataSet)]);
  if (json) {
    process.stdout.write(toJson(found.map(([dataSet, here]) => ({ ...dataSet, here }))));
    return;
  }
  if (named.length === 0) printAll(found);
  else for (const [dataSet, state] of found) printFiles(dataSet, state);
}

export const listCommand = buildCommand<Flags, PublishedDataSet[]>({
  func: list,
  docs: { brief: 'List the data sets: sizes, licences, sources, digests, and which are here' },
  parameters: {
    positional: {
      kind: 'array',
      parameter: { placeholder: 'NAME', brief: 'Show the files of these alone', parse: parseDataSet },
    },
    flags: { json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print JSON' } },
  },
});
