import { createHash } from 'node:crypto';
import { basename } from 'node:path';

/** A longer list of settings is named by its digest. */
const LONGEST = 60;

/** Says where the data lies on this machine, not what is trained. */
const DATA_FOLDER = 'task.data';

type Settings = Readonly<Record<string, unknown>>;

const isSection = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Settings that differ, by their paths; of a section that is new, each of its settings. */
function differences(before: unknown, now: unknown, path: string): [path: string, value: unknown][] {
  if (isSection(now)) {
    const old = isSection(before) ? before : {};
    const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
    return names.flatMap((name) => differences(old[name], now[name], path === '' ? name : `${path}.${name}`));
  }
  return JSON.stringify(before) === JSON.stringify(now) ? [] : [[path, now]];
}

/** A value as a name of a folder can hold it; of a path its last name. */
function valueName(value: unknown): string {
  const text =
    value === undefined ? 'default' : typeof value === 'string' ? basename(value) : JSON.stringify(value);
  return text.replace(/[^\w.-]+/g, '_');
}

/** A setting without its section: `steps`, `width` of the model, `mutor.maxOffset` of the objectives. */
const shortName = (path: string): string => path.slice(path.indexOf('.') + 1);

/**
 * The name of a folder for runs of a recipe, by what was chosen: `star-graph` for the recipe as it ships,
 * `star-graph-mutor.maxOffset=2-steps=500` with other settings, so that runs of other settings never meet in one folder.
 *
 * @param name - of the recipe or study
 * @param shipped - its settings
 * @param chosen - the same with what the command changes
 */
export function runName(name: string, shipped: Settings, chosen: Settings): string {
  const changed = differences(shipped, chosen, '')
    .filter(([path]) => path !== DATA_FOLDER)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (changed.length === 0) return name;
  const names = changed.map(([path, value]) => `${shortName(path)}=${valueName(value)}`);
  const readable = names.join('-');
  // Names of two sections may end alike, and paths of two folders.
  const isPlain =
    readable.length <= LONGEST && new Set(names.map((each) => each.split('=')[0])).size === names.length;
  const hasPath = changed.some(([, value]) => typeof value === 'string' && basename(value) !== value);
  const digest = createHash('sha256').update(JSON.stringify(changed)).digest('hex').slice(0, 8);
  if (!isPlain) return `${name}-${digest}`;
  return hasPath ? `${name}-${readable}-${digest}` : `${name}-${readable}`;
}
