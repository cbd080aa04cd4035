import { byteSize, type DType, type HostArray, toDeviceWords } from '../dtype.js';
import { ForetokenError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import type { Shader } from '../runtime/pipelines.js';
import type { CompileProgress, Runtime } from '../runtime/runtime.js';
import { alignUp, checkBytes, type Storage } from '../runtime/storage.js';
import type { VariableState } from '../variable.js';
import { batchKernels } from './batch.js';
import { bindKernel, type Place } from './bind.js';
import type { Kernel } from './kernel.js';
import { type Interval, layOut, liveBytes } from './memory.js';
import { type Schedule, schedule } from './schedule.js';

/** Where a storage begins, or a stretch of it. */
const placeIn = (storage: Storage, offset = 0): Place => ({
  buffer: storage.use(),
  offset: storage.offset + offset,
});

interface Copy {
  readonly from: Place;
  readonly to: Place;
  readonly bytes: number;
}

interface Dispatch extends Shader {
  readonly kernel: Kernel;
  readonly workgroups: readonly [number, number, number];
  readonly group: GPUBindGroup;
  /** Absent until the first run. */
  pipeline?: GPUComputePipeline;
}

export interface PlanRequest {
  readonly outputs: readonly GraphNode[];
  /** Variables whose newest version is computed and stored. */
  readonly assigned: readonly VariableState[];
  /** Runs once: outputs are computed right into their storage, and working memory is given back. */
  readonly once: boolean;
}

const bytesOf = (node: GraphNode): number => byteSize(node.size, node.dtype);

/**
 * Kernels whose results no other kernel reads go last, so that they may overwrite what the others read. Those that do the
 * same to different tensors are one.
 */
function assignmentsLast(kernels: readonly Kernel[]): Kernel[] {
  const read = new Set(
    kernels.flatMap((kernel) => kernel.bindings.filter((node) => !kernel.outputs.includes(node))),
  );
  const isLast = (kernel: Kernel): boolean => kernel.outputs.every((node) => !read.has(node));
  return [...kernels.filter((kernel) => !isLast(kernel)), ...batchKernels(kernels.filter(isLast))];
}

/** @throws ForetokenError for rows that were to be written among others which somebody reads as they were */
function checkNeedNotLie({ operation, source }: GraphNode, { name }: VariableState): void {
  const { lowering } = operation;
  if (source !== undefined || lowering.kind !== 'kernel' || lowering.overwrites !== true) return;
  throw new ForetokenError(
    `${operation.name}: values of ${name} from before are read in the same evaluation. Evaluate what reads them first, or assign a whole new value.`,
  );
}

/** Whether two arrays of whole numbers are equal. */
function sameIntegers(a: HostArray, b: HostArray): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** The commands that compute some tensors and assignments, with all memory laid out. */
export class Plan {
  readonly kernels: readonly Kernel[];
  readonly #placement: Schedule['placement'];
  readonly #places = new Map<GraphNode, Place>();
  readonly #before: Copy[] = [];
  readonly #after: Copy[] = [];
  readonly #dispatches: Dispatch[];
  readonly #inputs = new Map<string, GraphNode>();
  /** What was written to inputs last. */
  readonly #written = new Map<GraphNode, HostArray>();
  /** The most working memory that is in use at one time: what no plan for these kernels could do without. */
  liveBytes = 0;
  readonly #arena: Storage[] = [];
  /** What the host writes into the arena, once or when it changes. */
  readonly #fromHost = new Set<GraphNode>();
  /** Outputs computed right into their storage. */
  readonly #direct = new Map<GraphNode, Storage>();

  constructor(
    readonly runtime: Runtime,
    readonly request: PlanRequest,
  ) {
    const values = request.assigned.map((variable) => variable.pending.get(variable.version) as GraphNode);
    const { kernels, placement } = schedule([...request.outputs, ...values], runtime.target);
    this.#placement = placement;
    this.kernels = assignmentsLast(kernels);
    for (const node of new Set(this.kernels.flatMap(({ bindings }) => bindings)))
      checkBytes(node.operation.name, node.shape, node.dtype, runtime.pool.largest);
    try {
      this.#layOut(values);
      this.#dispatches = this.kernels.flatMap((kernel) => this.#prepare(kernel));
    } catch (error) {
      // What has been allocated is given back.
      for (const storage of this.#direct.values()) storage.release();
      this.dispose();
      throw error;
    }
  }

  /** Bytes of working memory. */
  get arenaBytes(): number {
    return this.#arena.reduce((sum, { bytes }) => sum + bytes, 0);
  }
  get dispatches(): readonly Dispatch[] {
    return this.#dispatches;
  }

  #bufferNode(node: GraphNode): GraphNode {
    return this.#placement.bufferOf(node) as GraphNode;
  }

  /** Decides where every buffer lies, and which copies the assignments and outputs need. */
  #layOut(values: readonly GraphNode[]): void {
    const { outputs, assigned, once } = this.request;
    // The first of the kernels that write a node: from there on its buffer holds nothing else.
    const written = new Map<GraphNode, number>();
    this.kernels.forEach(({ outputs: results }, at) => {
      for (const node of results) if (!written.has(node)) written.set(node, at);
    });
    const end = this.kernels.length;
    const pinned = new Set<GraphNode>();

    const copyOnly: { variable: VariableState; node: GraphNode }[] = [];
    const nodes = values.map((value) => this.#bufferNode(value));
    assigned.forEach((variable, at) => {
      const node = nodes[at] as GraphNode;
      const producer = written.get(node);
      // What several variables get is copied to each: it cannot be copied from one to another, as they may share a buffer.
      const isOnlyOne = nodes.indexOf(node) === nodes.lastIndexOf(node);
      if (producer !== undefined && isOnlyOne && this.#mayOverwrite(variable, node, producer)) {
        this.#places.set(node, placeIn(variable.storage));
      } else {
        checkNeedNotLie(node, variable);
        copyOnly.push({ variable, node });
        pinned.add(node);
      }
    });
    for (const output of outputs) {
      const node = this.#bufferNode(output);
      if (once && written.has(node) && !this.#places.has(node)) {
        const storage = this.runtime.pool.allocate(bytesOf(node));
        this.#direct.set(node, storage);
        this.#places.set(node, placeIn(storage));
      }
      pinned.add(node);
    }

    const uses = new Map<GraphNode, { first: number; last: number }>();
    this.kernels.forEach((kernel, at) => {
      for (const node of kernel.bindings) {
        const use = uses.get(node);
        if (use === undefined) uses.set(node, { first: at, last: at });
        else use.last = at;
      }
    });
    for (const node of pinned) uses.set(node, { first: uses.get(node)?.first ?? 0, last: end });

    const intervals: (Interval & { node: GraphNode | undefined; temporaryOf?: VariableState })[] = [];
    for (const [node, { first, last }] of uses) {
      const { source } = node;
      if (source?.kind === 'variable') this.#places.set(node, placeIn(source.variable.storage));
      if (source?.kind === 'storage') this.#places.set(node, placeIn(source.storage));
      if (this.#places.has(node)) continue;
      // What the host writes is there before the first kernel, and in a replayed plan must survive the last.
      const fromHost = source !== undefined;
      intervals.push({
        node,
        bytes: bytesOf(node),
        first: fromHost ? -1 : first,
        last: fromHost && !once ? end : last,
      });
      if (source?.kind === 'input') this.#inputs.set(source.name, node);
      if (fromHost) this.#fromHost.add(node);
    }
    // A leaf may be overwritten by another assignment before it is copied, so it is set aside first.
    for (const { variable, node } of copyOnly) {
      if (node.source !== undefined)
        intervals.push({
          node: undefined,
          temporaryOf: variable,
          bytes: bytesOf(node),
          first: -1,
          last: end,
        });
    }

    const { gpu, pool, target } = this.runtime;
    const { minStorageBufferOffsetAlignment, maxBufferSize } = gpu.limits;
    const maxChunkBytes = Math.min(maxBufferSize, target.maxBindingBytes);
    const layout = layOut(intervals, minStorageBufferOffsetAlignment, maxChunkBytes);
    for (const bytes of layout.chunkBytes) this.#arena.push(pool.allocate(bytes, false));
    this.liveBytes = liveBytes(intervals);
    const temporaries = new Map<VariableState, Place>();
    intervals.forEach(({ node, temporaryOf }, at) => {
      const slot = layout.slots[at] as { chunk: number; offset: number };
      const place = placeIn(this.#arena[slot.chunk] as Storage, slot.offset);
      if (node !== undefined) this.#places.set(node, place);
      if (temporaryOf !== undefined) temporaries.set(temporaryOf, place);
    });
    for (const { variable, node } of copyOnly) {
      const bytes = bytesOf(node);
      const to = placeIn(variable.storage);
      const from = this.#places.get(node) as Place;
      const temporary = temporaries.get(variable);
      if (temporary !== undefined) this.#before.push({ from, to: temporary, bytes });
      this.#after.push({ from: temporary ?? from, to, bytes });
    }
    for (const [node, place] of this.#places) {
      if (node.source?.kind === 'host') this.#upload(place, node.source.values, node.dtype);
    }
  }

  /** Whether kernel `producer` may write `node` over the variable: nobody needs the old values afterwards. */
  #mayOverwrite(variable: VariableState, node: GraphNode, producer: number): boolean {
    if (bytesOf(node) !== variable.storage.bytes) return false;
    return this.kernels.every((kernel, at) => {
      const old = kernel.bindings.filter(
        (bound) => bound.source?.kind === 'variable' && bound.source.variable === variable,
      );
      return (
        old.length === 0 ||
        at < producer ||
        (at === producer && old.every((bound) => kernel.readsInPlace(bound, node)))
      );
    });
  }

  #upload(place: Place, values: HostArray, dtype: DType): void {
    this.runtime.gpu.queue.writeBuffer(place.buffer, place.offset, toDeviceWords(values, dtype));
  }

  #prepare(kernel: Kernel): Dispatch[] {
    const { gpu, target } = this.runtime;
    const placeOf = (node: GraphNode): Place => this.#places.get(node) as Place;
    const limits = { ...target, maxUniformBytes: gpu.limits.maxUniformBufferBindingSize };
    return bindKernel(kernel, placeOf, limits)
      .filter(({ workgroups }) => !workgroups.includes(0))
      .map(({ code, entries, parameters, workgroups }) => ({
        kernel,
        workgroups,
        ...this.runtime.prepare(kernel.name, code, entries, parameters),
      }));
  }

  /** Compiles what has not been compiled, side by side. */
  compile(onProgress?: CompileProgress): Promise<void> {
    return this.runtime.compile(this.#dispatches, onProgress);
  }

  /** Names of the inputs that some kernel reads. */
  get inputNames(): readonly string[] {
    return [...this.#inputs.keys()];
  }

  writeInput(name: string, values: HostArray): void {
    const node = this.#inputs.get(name);
    if (node === undefined) return;
    // Nothing else writes there, so whole numbers that are there already (positions, masks) need not be written again.
    const before = this.#written.get(node);
    if (before !== undefined && sameIntegers(before, values)) return;
    if (!(values instanceof Float32Array)) this.#written.set(node, values.slice());
    this.#upload(this.#places.get(node) as Place, values, node.dtype);
  }

  /** Submits everything; gives one new storage for each output. Does not wait. */
  run(
    profiler?: (pass: number) => GPUComputePassTimestampWrites,
    finish?: (encoder: GPUCommandEncoder) => void,
  ): Storage[] {
    if (this.runtime.pool.poisoned) this.#poisonArena();
    const encoder = this.runtime.gpu.createCommandEncoder();
    const copy = ({ from, to, bytes }: Copy): void => {
      if (bytes > 0) encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, bytes);
    };
    const early: Copy[] = [];
    const late: Copy[] = [];
    const taken = new Set<Storage>();
    const results = this.request.outputs.map((output) => {
      const node = this.#bufferNode(output);
      const direct = this.#direct.get(node);
      if (direct !== undefined && !taken.has(direct)) {
        taken.add(direct);
        return direct;
      }
      const storage = this.runtime.pool.allocate(bytesOf(node));
      // What was there from the start is copied before an assignment can overwrite it.
      const copies = node.source === undefined ? late : early;
      copies.push({
        from: this.#places.get(node) as Place,
        to: placeIn(storage),
        bytes: bytesOf(node),
      });
      return storage;
    });
    for (const each of [...early, ...this.#before]) copy(each);
    this.#encodeKernels(encoder, profiler);
    for (const each of [...late, ...this.#after]) copy(each);
    finish?.(encoder);
    this.runtime.submit(encoder.finish());
    if (this.request.once) this.dispose();
    return results;
  }

  /** Fills the working memory with the pattern, but for what the host has written there. */
  #poisonArena(): void {
    const places = [...this.#fromHost].map((node) => ({
      ...(this.#places.get(node) as Place),
      bytes: bytesOf(node),
    }));
    for (const { buffer } of this.#arena) {
      const kept = places.filter((place) => place.buffer === buffer).sort((a, b) => a.offset - b.offset);
      let start = 0;
      for (const { offset, bytes } of [...kept, { offset: buffer.size, bytes: 0 }]) {
        if (offset > start) this.runtime.pool.poison(buffer, start, offset - start);
        start = Math.max(start, alignUp(offset + bytes, 4));
      }
    }
  }

  #encodeKernels(
    encoder: GPUCommandEncoder,
    profiler?: (pass: number) => GPUComputePassTimestampWrites,
  ): void {
    if (this.#dispatches.length === 0) return;
    let pass = profiler ? undefined : encoder.beginComputePass();
    this.#dispatches.forEach((dispatch, at) => {
      dispatch.pipeline ??= this.runtime.pipeline(dispatch);
      if (profiler) pass = encoder.beginComputePass({ timestampWrites: profiler(at) });
      pass?.setPipeline(dispatch.pipeline);
      pass?.setBindGroup(0, dispatch.group);
      pass?.dispatchWorkgroups(...dispatch.workgroups);
      if (profiler) pass?.end();
    });
    if (!profiler) pass?.end();
  }

  /** Gives the working memory back. */
  dispose(): void {
    for (const storage of this.#arena.splice(0)) storage.release();
  }
}
