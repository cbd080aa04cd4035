import { findPublishedDataSet, type PublishedDataSet, publishedDataSets } from '@foretoken/data';
import { dataFolder } from '@foretoken/data/node';
import { didYouMean, quote } from '@foretoken/input';
import { buildCommand } from '@stricli/core';
import { getDataSet } from '../../data-sets/get.js';
import { DownloadProgress } from '../../data-sets/progress.js';
import type { DataSetState } from '../../data-sets/state.js';
import { UsageError } from '../../errors.js';

interface Flags {
  readonly whole: boolean;
  readonly mirror?: string;
}

/** @throws UsageError naming all data sets when none has this name */
export function parseDataSet(name: string): PublishedDataSet {
  const found = findPublishedDataSet(name);
  if (found !== undefined) return found;
  const names = publishedDataSets.map((each) => each.name);
  throw new UsageError(
    `there is no data set ${quote(name)}.${didYouMean(name, names)} There are ${names.join(', ')}.`,
  );
}

function parseMirror(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return text;
  throw new UsageError(`expected an address that begins with https://, got ${quote(text)}.`);
}

const listed = (names: readonly string[]): string =>
  names.length > 3 ? `${names.length} files` : names.join(', ');

/** What is there now, in one line. */
function outcomeText(
  { name, licence, cut }: PublishedDataSet,
  state: DataSetState,
  fetched: readonly string[],
): string {
  const { kind, folder, checked, unchecked } = state;
  const how = [
    ...(checked.length > 0 ? [`${listed(checked)} as published`] : []),
    ...(unchecked.length > 0 ? [`${listed(unchecked)} without a published digest`] : []),
  ].join(', ');
  if (kind === 'cut')
    return `${name}: ${folder} holds ${cut?.holds ?? 'a part'}; "foretoken data get ${name} --whole" fetches the rest. Licence: ${licence}.`;
  return `${name}: ${fetched.length > 0 ? 'fetched into' : 'is in'} ${folder} (${how}). Licence: ${licence}.`;
}

async function get(this: void, { whole, mirror }: Flags, ...dataSets: PublishedDataSet[]): Promise<void> {
  if (dataSets.length === 0)
    throw new UsageError(`name a data set: ${publishedDataSets.map(({ name }) => name).join(', ')}.`);
  for (const dataSet of new Set(dataSets)) {
    const progress = new DownloadProgress();
    try {
      const { state, fetched } = await getDataSet(dataSet, {
        whole,
        mirror,
        onProgress: (file, bytes, total) => progress.update(`${dataSet.name}/${file}`, bytes, total),
      });
      progress.end();
      process.stdout.write(`${outcomeText(dataSet, state, fetched)}\n`);
    } finally {
      progress.end();
    }
  }
}

export const getCommand = buildCommand<Flags, PublishedDataSet[]>({
  func: get,
  docs: {
    brief: 'Fetch data sets and small models by name, or use what the data folder holds',
    fullDescription: `Puts each below the data folder: what FORETOKEN_DATA names, else ./data. Nothing is fetched that is there. Downloads resume where they broke off, and are checked against published SHA-256 digests. Recipes, studies and commands look for files there. Now it is ${dataFolder()}. See docs/data.md.`,
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: { placeholder: 'NAME', brief: 'Name of "foretoken data list"', parse: parseDataSet },
    },
    flags: {
      whole: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Fetch the whole data set where a smaller version is there',
      },
      mirror: {
        kind: 'parsed',
        parse: parseMirror,
        placeholder: 'URL',
        optional: true,
        brief: 'Address of a mirror that has the files as NAME/FILE [default = the publishers]',
      },
    },
  },
});
