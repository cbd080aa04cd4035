import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Drafter, Transformer } from '@foretoken/models';
import { readSafetensorsFile } from '@foretoken/models/node';
import { type HostTensor, loadInto, SafetensorsError } from '@foretoken/nn';
import { createObjective, type Objective, type ObjectiveSettings } from '@foretoken/objectives';
import { HostRandom } from '@foretoken/tensor';
import { RunFolder } from '@foretoken/train';
import { UsageError } from '../errors.js';

export const DRAFT_KINDS = ['none', 'registers', 'heads'] as const;
export type DraftKind = (typeof DRAFT_KINDS)[number];

/** The objective whose parameters draft, of each kind. */
const OBJECTIVES = { registers: 'mutor', heads: 'mtp' } as const;

export interface DraftRequest {
  readonly kind: Exclude<DraftKind, 'none'>;
  /** A run folder, or a file of tensors. */
  readonly from: string;
  /** Tokens to draft at a time. */
  readonly count: number | undefined;
}

/** A drafter and the parameters that it holds. */
export interface LoadedDrafter {
  readonly drafter: Drafter;
  dispose(): void;
}

interface Source {
  /** By the names of the objective's parameters. */
  readonly tensors: ReadonlyMap<string, HostTensor>;
  /** Settings of the objective, where they are known. */
  readonly settings: ObjectiveSettings | undefined;
}

/** As tensors of an objective are called in checkpoints of runs. */
const PREFIX = 'objective.';

const ofObjective = (tensors: ReadonlyMap<string, HostTensor>): ReadonlyMap<string, HostTensor> => {
  const own = [...tensors].filter(([name]) => name.startsWith(PREFIX));
  return own.length === 0
    ? tensors
    : new Map(own.map(([name, tensor]) => [name.slice(PREFIX.length), tensor]));
};

function readRun(path: string, objective: string): Source {
  const run = new RunFolder(path);
  const record = run.record();
  const checkpoint = run.load();
  if (record === undefined || checkpoint === undefined) {
    throw new UsageError(`--draft-from ${path}: no run folder with a checkpoint, and no safetensors file.`);
  }
  if (record.objective !== objective) {
    throw new UsageError(
      `--draft-from ${path}: the run trained ${record.objective}; drafts of this kind need ${objective}.`,
    );
  }
  // What trained along with the model that the run wrote: that of the best evaluation, where one was chosen.
  const { best } = checkpoint.progress;
  const tensors = best == null ? checkpoint.tensors : run.loadBest(best.step);
  return { tensors: ofObjective(tensors), settings: record.settings };
}

function readTensors(path: string): ReadonlyMap<string, HostTensor> {
  try {
    return readSafetensorsFile(path).tensors;
  } catch (cause) {
    if (!(cause instanceof SafetensorsError)) throw cause;
    throw new UsageError(`--draft-from ${path}: ${cause.message.replace('safetensors: ', '')}`, { cause });
  }
}

function readSource(path: string, objective: string): Source {
  if (!existsSync(path)) throw new UsageError(`--draft-from ${path}: there is no such file or folder.`);
  if (!statSync(path).isDirectory()) return { tensors: ofObjective(readTensors(path)), settings: undefined };
  const beside = join(path, 'objective.safetensors');
  if (!existsSync(join(path, 'checkpoints')) && existsSync(beside)) return readSource(beside, objective);
  return readRun(path, objective);
}

/** Settings that fit the tensors of a file that has none with it. */
function settingsOf(
  { kind, count = 3 }: DraftRequest,
  tensors: ReadonlyMap<string, HostTensor>,
): ObjectiveSettings {
  if (kind === 'heads') {
    const heads = new Set([...tensors.keys()].map((name) => /^heads\.(\d+)\./.exec(name)?.[1]));
    return { heads: 1 + [...heads].filter((each) => each !== undefined).length };
  }
  const rows = tensors.get('registers.weight')?.shape[0] ?? 1;
  return rows === 1 ? { maxOffset: count + 1 } : { maxOffset: rows, vectorPerOffset: true };
}

/** @throws UsageError naming what the source lacks or holds instead */
export function loadDrafter(model: Transformer, request: DraftRequest): LoadedDrafter {
  const { kind, from, count } = request;
  const name = OBJECTIVES[kind];
  const { tensors, settings } = readSource(from, name);
  const marker = kind === 'registers' ? 'registers.weight' : 'heads.0.';
  if (![...tensors.keys()].some((each) => each.startsWith(marker))) {
    const held = [...tensors.keys()].slice(0, 3).join(', ');
    throw new UsageError(
      `--draft-from ${from}: holds no ${kind} (tensors ${PREFIX}${marker}${kind === 'heads' ? '*' : ''}); it has ${held || 'nothing'}.`,
    );
  }
  const { device, config: modelConfig } = model;
  const objective: Objective = createObjective(name, settings ?? settingsOf(request, tensors), {
    device,
    modelConfig,
    random: new HostRandom(0),
  });
  loadInto(`--draft-from ${from}`, objective.parameters(), tensors);
  const drafter = objective.drafter?.(count);
  if (drafter === undefined) throw new UsageError(`internal: ${name} does not draft.`);
  return {
    drafter,
    dispose: () => {
      for (const variable of objective.parameters().values()) variable.dispose();
    },
  };
}
