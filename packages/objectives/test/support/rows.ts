import type { PreparedBatch } from '../../src/index.js';

/** One token or register of a prepared sequence. */
export interface LaidOut {
  /** Ids in all channels; [-1] in registers and blanks. */
  readonly tokens: readonly number[];
  readonly position: number;
  readonly order: number;
  readonly segment: number;
  readonly slot: number;
  readonly prefix: number;
  /** Row of the register table, -1 for tokens. */
  readonly register: number;
  /** What its output is scored against, -100 for nothing. */
  readonly target: number;
}

/** The values of one input, and those of one of its rows. */
export function rowOf(prepared: PreparedBatch, name: string, row: number): number[] {
  const array = prepared[name];
  if (array === undefined)
    throw new Error(`prepare() gave no ${name}, only ${Object.keys(prepared).join(', ')}.`);
  const width = array.shape.slice(1).reduce((product, size) => product * size, 1);
  return Array.from(array.data.subarray(row * width, (row + 1) * width));
}

/** Sequence `row` in memory order. */
export function readSequence(prepared: PreparedBatch, row: number): LaidOut[] {
  const order = rowOf(prepared, 'order', row);
  const optional = (name: string, missing: number): number[] =>
    prepared[name] === undefined ? order.map(() => missing) : rowOf(prepared, name, row);
  const tokens = rowOf(prepared, 'tokens', row);
  const channels = tokens.length / order.length;
  const slot = optional('slot', 0);
  const prefix = optional('prefix', 0);
  const register = optional('registers', -1);
  const positions = rowOf(prepared, 'positions', row);
  const segment = rowOf(prepared, 'segment', row);
  const targets = [
    ...rowOf(prepared, 'targets', row),
    ...(prepared.registerTargets === undefined ? [] : rowOf(prepared, 'registerTargets', row)),
  ];
  const at = (values: readonly number[], index: number): number => values[index] as number;
  return order.map((place, index) => ({
    tokens: tokens.slice(index * channels, (index + 1) * channels),
    position: at(positions, index),
    order: place,
    segment: at(segment, index),
    slot: at(slot, index),
    prefix: at(prefix, index),
    register: at(register, index),
    target: at(targets, index),
  }));
}

/** The tokens and registers in use, each register right behind its token: the order of the paper. */
export function interleaved(sequence: readonly LaidOut[]): LaidOut[] {
  return sequence.filter(({ segment }) => segment >= 0).sort((a, b) => a.order - b.order || a.slot - b.slot);
}

/** The mask as docs/contracts.md words it. */
export function sees(query: LaidOut, key: LaidOut): boolean {
  if (query.segment !== key.segment) return false;
  if (key.slot > 0) return key.slot === query.slot;
  return key.order <= query.order || (query.slot === 0 && query.prefix === 1 && key.prefix === 1);
}
