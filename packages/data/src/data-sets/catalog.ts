import { imagesCatalog } from './images.js';
import type { PublishedDataSet } from './published.js';
import { textCatalog } from './texts.js';

/** Everything that `foretoken data get` knows by name. */
export const publishedDataSets: readonly PublishedDataSet[] = [...textCatalog, ...imagesCatalog];

/** The data set of a name; undefined when there is none. */
export const findPublishedDataSet = (name: string): PublishedDataSet | undefined =>
  publishedDataSets.find((each) => each.name === name);

/** The names of the files of a data set that tasks and models read. */
export const readableFiles = ({ files, derived }: PublishedDataSet): string[] =>
  (derived?.files ?? files).map(({ name }) => name);
