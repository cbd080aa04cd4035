import { statSync } from 'node:fs';
import { type CorpusTask, parseCorpusConfig } from '@foretoken/data';
import { findData, loadCorpusTask } from '@foretoken/data/node';

type Settings = Readonly<Record<string, unknown>>;

/** Corpora that are kept: more than a study repeats over would only take memory. */
const KEPT = 4;

const kept = new Map<string, CorpusTask>();

/** What a corpus is made from: its settings but for the seed, and the state of its files. */
function identityOf(settings: Settings): string {
  const { seed: _, ...config } = parseCorpusConfig(settings as never);
  const files = Object.values(config.files ?? {}).flatMap((paths) => paths ?? []);
  const states = files.map((path) => {
    const found = statSync(findData(path), { throwIfNoEntry: false });
    return [path, found?.size, found?.mtimeMs];
  });
  return JSON.stringify([config, states]);
}

/**
 * A task of running text. Runs of one process on the same text share its tokens, which take longer to make than a short
 * run; each has the order of its own seed.
 *
 * @throws TaskConfigError, DataFileError or TokenizerError, in one line
 */
export async function corpusOf(settings: Settings, seed: number): Promise<CorpusTask> {
  const identity = identityOf(settings);
  const known = kept.get(identity);
  if (known !== undefined) return known.withSeed(seed);
  const task = await loadCorpusTask({ ...settings, seed } as never);
  const oldest = kept.keys().next();
  if (kept.size >= KEPT && oldest.done !== true) kept.delete(oldest.value);
  kept.set(identity, task);
  return task;
}
