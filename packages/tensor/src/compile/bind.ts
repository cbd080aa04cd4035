import { byteSize } from '../dtype.js';
import { OutOfMemoryError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import { inParts } from './batch.js';
import { bufferName } from './emitter.js';
import { type Kernel, parameterDeclaration } from './kernel.js';
import {
  locateParts,
  mostRows,
  partsOf,
  perWorkgroup,
  type Segment,
  type SegmentedForm,
  type SegmentRow,
} from './segments.js';
import { throughWindows } from './windows.js';

/** Where the buffer of a node is. */
export interface Place {
  readonly buffer: GPUBuffer;
  /** In bytes. */
  readonly offset: number;
}

/** What a dispatch runs and binds. */
export interface Bound {
  readonly code: string;
  readonly entries: readonly GPUBindGroupEntry[];
  readonly parameters: { readonly binding: number; readonly values: readonly number[] };
  readonly workgroups: readonly [number, number, number];
}

/** One vector of four: what an empty tensor takes too, since no binding may be smaller than an element. */
const VECTOR_BYTES = 16;

const bytesOf = (node: GraphNode): number =>
  Math.max(Math.ceil(byteSize(node.size, node.dtype) / VECTOR_BYTES) * VECTOR_BYTES, VECTOR_BYTES);

/** Code that binds memory once which it knew by two names: WebGPU has no two bindings of what is written. */
function bindOnce(code: string, binding: number, twin: number): string {
  const [name, other] = [bufferName(binding), bufferName(twin)];
  return code
    .replace(new RegExp(`^.*> ${name}: .*\n`, 'm'), '')
    .replaceAll(new RegExp(`\\b${name}\\b`, 'g'), other);
}

/** What bindings may be. */
export interface BindingLimits {
  readonly maxBuffers: number;
  readonly maxBindingBytes: number;
  readonly maxUniformBytes: number;
}

/**
 * The dispatches that do the work of a kernel: one, or where many tensors do not lie as they should or one is larger than
 * a binding, several.
 *
 * @throws OutOfMemoryError where a kernel would need more bindings than there are
 */
export function bindKernel(
  kernel: Kernel,
  placeOf: (node: GraphNode) => Place,
  limits: BindingLimits,
): readonly Bound[] {
  if (kernel.segmented !== undefined) return bindSegments(kernel, kernel.segmented, placeOf, limits);
  const large = kernel.bindings.filter((node) => bytesOf(node) > limits.maxBindingBytes);
  if (large.length === 0) return [bindTensors(kernel, placeOf, limits)];
  const parts = inParts(kernel);
  const canBeCut =
    parts?.segmented !== undefined &&
    large.every((node) => parts.segmented?.form.ownPlace[kernel.bindings.indexOf(node)]);
  return canBeCut ? bindKernel(parts, placeOf, limits) : [bindTensors(kernel, placeOf, limits)];
}

function bindTensors(
  kernel: Kernel,
  placeOf: (node: GraphNode) => Place,
  { maxBuffers, maxBindingBytes }: BindingLimits,
): Bound {
  let { code } = kernel;
  const entries: GPUBindGroupEntry[] = [];
  const bound: Place[] = [];
  const behind = kernel.bindings.length + 1;
  let windowed = 0;
  kernel.bindings.forEach((node, binding) => {
    const place = placeOf(node);
    const twin = bound.findIndex(({ buffer, offset }) => buffer === place.buffer && offset === place.offset);
    bound.push(place);
    if (twin >= 0) {
      code = bindOnce(code, binding, twin);
      return;
    }
    const bytes = bytesOf(node);
    const windowBytes = alignDown(maxBindingBytes, LARGEST_ALIGNMENT);
    const others = Array.from({ length: Math.ceil(bytes / windowBytes) - 1 }, () => behind + windowed++);
    [binding, ...others].forEach((each, at) => {
      const offset = place.offset + at * windowBytes;
      const size = Math.min(windowBytes, bytes - at * windowBytes);
      entries.push({ binding: each, resource: { buffer: place.buffer, offset, size } });
    });
    if (others.length > 0) {
      const type = elementTypeOf(code, binding);
      code = throughWindows(code, { binding, others, length: windowBytes / elementBytes(type) });
    }
  });
  if (entries.length > maxBuffers) {
    throw new OutOfMemoryError(
      `${kernel.name}: its tensors are larger than the adapter's bindings of ${maxBindingBytes} bytes and would take ${entries.length} of them, it has ${maxBuffers}. Use smaller tensors.`,
    );
  }
  const { workgroups, parameters } = kernel;
  return { code, entries, parameters: { binding: kernel.bindings.length, values: parameters }, workgroups };
}

/** Offsets of bindings are multiples of at most this. */
const LARGEST_ALIGNMENT = 256;
const alignDown = (bytes: number, step: number): number => Math.floor(bytes / step) * step;

/** The WGSL element type of a binding. */
function elementTypeOf(code: string, binding: number): string {
  const type = new RegExp(` ${bufferName(binding)}: array<(.*)>;$`, 'm').exec(code)?.[1];
  if (type === undefined) throw new Error(`internal: a kernel does not declare ${bufferName(binding)}.`);
  return type;
}

/** A stretch of a buffer; `binding` is the first that it is bound as. */
interface Stretch {
  readonly buffer: GPUBuffer;
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly binding: number;
}

type Part = ReturnType<typeof partsOf>[number];

const ELEMENT_BYTES: Readonly<Record<string, number>> = { f32: 4, i32: 4, u32: 4, f16: 2 };

/** Bytes of a WGSL type that buffers hold. */
function elementBytes(type: string): number {
  const scalar = /^vec4<(\w+)>$/.exec(type)?.[1];
  const bytes = ELEMENT_BYTES[scalar ?? type];
  if (bytes === undefined) throw new Error(`internal: no size is known for the element type ${type}.`);
  return scalar === undefined ? bytes : 4 * bytes;
}

/** The stretches that hold all tensors of these parts, for each binding; nothing where no dispatch can have them. */
function stretchesOf(
  parts: readonly Part[],
  form: SegmentedForm,
  rounds: number,
  placeOf: (node: GraphNode) => Place,
  maxBytes: number,
): readonly Stretch[] | undefined {
  const { elementTypes, ownPlace } = form;
  const stretch = (binding: number, places: readonly { start: number; end: number }[]): Stretch => ({
    buffer: placeOf(parts[0]?.segment.bindings[binding] as GraphNode).buffer,
    type: elementTypes[binding] as string,
    start: places.reduce((least, { start }) => Math.min(least, start), Number.POSITIVE_INFINITY),
    end: places.reduce((most, { end }) => Math.max(most, end), 0),
    binding,
  });
  const whole = (node: GraphNode): { start: number; end: number } => {
    const { offset } = placeOf(node);
    return { start: offset, end: offset + bytesOf(node) };
  };
  const segments = [...new Set(parts.map(({ segment }) => segment))];
  const stretches = elementTypes.map((type, binding): Stretch => {
    const all = stretch(
      binding,
      segments.map(({ bindings }) => whole(bindings[binding] as GraphNode)),
    );
    if (all.end - all.start <= maxBytes || !ownPlace[binding]) return all;
    // Of large tensors, only what these parts compute.
    const bytes = elementBytes(type);
    return stretch(
      binding,
      parts.map(({ segment, first }) => {
        const { start, end } = whole(segment.bindings[binding] as GraphNode);
        return {
          start: start + first * bytes,
          end: Math.min(end, start + (first + perWorkgroup(rounds)) * bytes),
        };
      }),
    );
  });
  // Stretches that overlap are bound as one, as long as they are of one type.
  for (let pair = overlapping(stretches); pair !== undefined; pair = overlapping(stretches)) {
    const [a, b] = pair;
    if (a.type !== b.type) return undefined;
    const { buffer, type } = a;
    const union = { buffer, type, start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) };
    const binding = Math.min(a.binding, b.binding);
    stretches.forEach((each, at) => {
      if (each.binding === a.binding || each.binding === b.binding) stretches[at] = { ...union, binding };
    });
  }
  return stretches.some(({ start, end }) => end - start > maxBytes) ? undefined : stretches;
}

function overlapping(stretches: readonly Stretch[]): readonly [Stretch, Stretch] | undefined {
  for (const a of stretches) {
    for (const b of stretches) {
      if (a.binding < b.binding && a.buffer === b.buffer && a.start < b.end && b.start < a.end) return [a, b];
    }
  }
  return undefined;
}

/** Parts whose tensors lie in the same buffers, binding by binding. */
function inTheSameBuffers(parts: readonly Part[], placeOf: (node: GraphNode) => Place): readonly Part[][] {
  const numbers = new Map<GPUBuffer, number>();
  const numberOf = (buffer: GPUBuffer): number => {
    if (!numbers.has(buffer)) numbers.set(buffer, numbers.size);
    return numbers.get(buffer) as number;
  };
  const keys = new Map<Segment, string>();
  const groups = new Map<string, Part[]>();
  for (const part of parts) {
    const { segment } = part;
    const key = keys.get(segment) ?? segment.bindings.map((node) => numberOf(placeOf(node).buffer)).join();
    keys.set(segment, key);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [part]);
    else group.push(part);
  }
  return [...groups.values()];
}

/** Elements or vectors that an invocation computes, so that the list of parts is not too long. */
function chooseRounds(
  segments: readonly Segment[],
  [least, most]: SegmentedForm['rounds'],
  rows: number,
): number {
  let rounds = least;
  while (2 * rounds <= most && partsOf(segments, rounds).length > rows) rounds *= 2;
  return rounds;
}

function bindSegments(
  kernel: Kernel,
  { form, segments }: NonNullable<Kernel['segmented']>,
  placeOf: (node: GraphNode) => Place,
  { maxBindingBytes, maxUniformBytes }: BindingLimits,
): readonly Bound[] {
  const rows = mostRows(form.elementTypes.length, maxUniformBytes);
  const rounds = chooseRounds(segments, form.rounds, rows);
  const bind = (parts: readonly Part[]): readonly Bound[] => {
    const stretches =
      parts.length <= rows ? stretchesOf(parts, form, rounds, placeOf, maxBindingBytes) : undefined;
    if (stretches !== undefined) return [bindStretches(kernel, rounds, parts, stretches, placeOf)];
    if (parts.length === 1) throw new Error(`internal: the bindings of ${kernel.name} overlap.`);
    const half = parts.length >> 1;
    return [...bind(parts.slice(0, half)), ...bind(parts.slice(half))];
  };
  return inTheSameBuffers(partsOf(segments, rounds), placeOf).flatMap(bind);
}

function bindStretches(
  kernel: Kernel,
  rounds: number,
  parts: readonly Part[],
  stretches: readonly Stretch[],
  placeOf: (node: GraphNode) => Place,
): Bound {
  const rows = parts.map(({ segment: { count, elements, bindings }, first, results }): SegmentRow => {
    const starts = bindings.map((node, binding) => {
      const { start, type } = stretches[binding] as Stretch;
      return (placeOf(node).offset - start) / elementBytes(type);
    });
    return { count, elements, first, results, starts };
  });
  const located = locateParts(kernel.code, rows, rounds);
  let { code } = located;
  const entries: GPUBindGroupEntry[] = [];
  stretches.forEach(({ buffer, start, end, binding: first }, binding) => {
    if (first !== binding) code = bindOnce(code, binding, first);
    else entries.push({ binding, resource: { buffer, offset: start, size: end - start } });
  });
  const binding = stretches.length;
  return {
    code: `${code}\n${parameterDeclaration(binding, located.parameters.length)}`,
    entries,
    parameters: { binding, values: located.parameters },
    workgroups: located.workgroups,
  };
}
