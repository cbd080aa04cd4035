import { readdirSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isJsonObject, oneLine, parseJson } from '@foretoken/input';
import { readTextFile } from '@foretoken/input/node';
import { isProcessAlive } from '@foretoken/models/node';
import {
  type EvaluationEvent,
  type FailureEvent,
  type MetricsEvent,
  RunFolder,
  type RunRecord,
  type RunSummary,
} from '@foretoken/train';

/** How far a run got. */
export type RunState = 'done' | 'running' | 'failed' | 'stopped' | 'new';

/** What a run folder tells. */
export interface RunInfo {
  readonly path: string;
  readonly record: RunRecord;
  readonly summary: RunSummary | undefined;
  readonly state: RunState;
  readonly metrics: readonly MetricsEvent[];
  readonly evaluations: readonly EvaluationEvent[];
  /** Bytes of all of its files. */
  readonly bytes: number;
  /** What could not be read, in a line each. */
  readonly problems: readonly string[];
}

/** Subfolders are not looked at further down. */
const DEEPEST = 8;

function bytesOf(folder: string, depth = 0): number {
  if (depth > DEEPEST) return 0;
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sum + bytesOf(path, depth + 1);
    return sum + (entry.isFile() ? (statSync(path, { throwIfNoEntry: false })?.size ?? 0) : 0);
  }, 0);
}

/** Whether a process of this machine works in a run folder. */
function isRunning(folder: string): boolean {
  try {
    const text = readTextFile(join(folder, 'lock'), { maxBytes: 4096 });
    const owner = parseJson(text, { what: 'lock' });
    if (!isJsonObject(owner)) return isProcessAlive(Number(text));
    return owner['host'] === hostname() && isProcessAlive(Number(owner['pid']));
  } catch {
    return false;
  }
}

/** Files that are read: a pipe in place of one would be waited for. */
const FILES = ['config.json', 'metrics.jsonl', 'summary.json'];

const isOther = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === false;

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

/** A run cannot be told of without these. @returns what is wrong, or undefined */
function problemOf(record: RunRecord | undefined): string | undefined {
  if (record === undefined) return 'config.json is missing';
  const { recipe, objective, seed } = record;
  const isRecord =
    isJsonObject(recipe) && isJsonObject(recipe.task) && typeof objective === 'string' && isNumber(seed);
  return isRecord ? undefined : 'config.json is not that of a run';
}

/**
 * Reads a run folder, as far as it can be read.
 *
 * @returns the run, or in a line why there is none
 */
export function readRun(path: string): RunInfo | string {
  const strange = FILES.find((name) => isOther(join(path, name)));
  if (strange !== undefined) return `${path}: skipped: ${strange} is not a file`;
  const folder = new RunFolder(path);
  const problems: string[] = [];
  const attempt = <Value>(read: () => Value, otherwise: Value): Value => {
    try {
      return read();
    } catch (error) {
      problems.push(oneLine((error as Error).message));
      return otherwise;
    }
  };
  const record = attempt(() => folder.record(), undefined);
  const wrong = problems[0] ?? problemOf(record);
  if (wrong !== undefined || record === undefined) return `${path}: skipped: ${wrong}`;
  const summary = attempt(() => folder.summary(), undefined);
  const events = attempt(() => folder.events(), []);
  const of = <Event>(type: string): Event[] => events.filter((event) => event['type'] === type) as Event[];
  const metrics = of<MetricsEvent>('metrics').filter(({ step }) => isNumber(step));
  const failed = of<FailureEvent>('failure').length > 0;
  const unfinished = failed ? 'failed' : metrics.length > 0 ? 'stopped' : 'new';
  return {
    path,
    record,
    summary,
    state: summary !== undefined ? 'done' : isRunning(path) ? 'running' : unfinished,
    metrics,
    evaluations: of<EvaluationEvent>('evaluation').filter(({ step }) => isNumber(step)),
    bytes: attempt(() => bytesOf(path), 0),
    problems: problems.map((problem) => `${path}: ${problem}`),
  };
}
