import { type ComputedDType, type DType, STORED_TYPE, storedType, WGSL_TYPE, widened } from '../dtype.js';
import type { GraphNode } from '../graph.js';
import { ELEMENTWISE_HELPERS } from '../ops/elementwise-functions.js';
import { RANDOM_HELPERS } from '../ops/random.js';
import type { ReductionAttributes } from '../ops/reduce.js';
import { rowMajorStrides, type Shape, sizeOf } from '../shape.js';
import { Accumulator } from './accumulator.js';
import { loopEnd, repeat } from './loops.js';

const HELPERS: Readonly<Record<string, string>> = { ...ELEMENTWISE_HELPERS, ...RANDOM_HELPERS };

/** A place in a tensor, as WGSL expressions of type u32: one for each axis, or the row-major offset, or both. */
export interface Index {
  readonly shape: Shape;
  readonly dims?: readonly string[];
  readonly flat?: string;
}

/** What the emitter has to know of the plan that its kernel belongs to. */
export interface Placement {
  /** The node that stands for all nodes of equal value. */
  canonical(node: GraphNode): GraphNode;
  /** The node whose buffer holds the values of `node` in the same order, if any does. */
  bufferOf(node: GraphNode): GraphNode | undefined;
}

export interface BranchCase {
  /** Absent in the last case. */
  readonly condition?: string;
  readonly body: () => string;
}

/** WGSL names of what differs between the tensors that one kernel computes. */
export interface SegmentNames {
  /** Where the tensor of a binding starts. */
  readonly startOf: (binding: number) => string;
  /** How many elements it has: of the result, and how many those are here. */
  readonly elements: string;
  readonly size: number;
}

interface Buffer {
  readonly node: GraphNode;
  readonly name: string;
  /** Element type; `undefined` until it is known whether all loads are of vectors. */
  readonly type: string | undefined;
}

/** A place that is one of four neighbours: `base` is a multiple of four, and all four are computed. */
interface Neighbour {
  readonly base: string;
  readonly lane: number;
}

/** A load of an element of a buffer, written once it is known whether the buffer holds vectors. */
interface Load {
  readonly buffer: GraphNode;
  readonly place: string;
  readonly neighbour: Neighbour | undefined;
  /** Name of the vector that holds the four neighbours. */
  readonly vector: string;
}

/** Elements of a vector, which one invocation computes where it can. */
export const VECTOR = 4;

/** The WGSL name of the buffer at a binding. */
export const bufferName = (binding: number): string => `buffer${binding}`;

/** Writes the body of one WGSL kernel: values of graph nodes at given places, each computed once a scope. */
export class Emitter {
  readonly #buffers: Buffer[] = [];
  readonly #scopes: { lines: string[]; known: Map<string, string> }[] = [{ lines: [], known: new Map() }];
  /** Buffers that are read elsewhere than at the place the kernel writes. */
  readonly #scattered = new Set<GraphNode>();
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #loads: Load[] = [];
  /** The offsets that one invocation writes, if it writes elements at the places that it reads. */
  readonly #ownPlaces = new Set<string>();
  /** The scope in which neighbours are loaded as vectors: what is inside of it may not run for all of them. */
  #vectorDepth = 1;
  #names = 0;

  /** @param segment - the tensor that the kernel computes, where it computes many by the same code */
  constructor(
    readonly placement: Placement,
    readonly segment?: SegmentNames,
  ) {}

  // ---- Buffers ------------------------------------------------------------------------------------------

  /** The WGSL name of the buffer that holds the values of `node`. */
  buffer(node: GraphNode, type: string = STORED_TYPE[node.dtype]): string {
    return this.#bindBuffer(node, type);
  }

  /** The same, where the loads decide about the type. */
  #bindBuffer(node: GraphNode, type?: string): string {
    const known = this.#buffers.find((buffer) => buffer.node === node);
    if (known) {
      if (type !== undefined && known.type !== type)
        throw new Error(`internal: one kernel binds a buffer as ${known.type} and ${type}.`);
      return known.name;
    }
    const name = bufferName(this.#buffers.length);
    this.#buffers.push({ node, name, type });
    return name;
  }

  /** The nodes whose buffers the kernel binds, in the order of their bindings. */
  get bound(): readonly GraphNode[] {
    return this.#buffers.map((buffer) => buffer.node);
  }

  /** Whether `node` is read at the written place only, so that the kernel may write over it. */
  readsInPlace(node: GraphNode): boolean {
    return !this.#scattered.has(node);
  }

  /** Records that a kernel written by hand reads `node` wherever it likes. */
  readAnywhere(node: GraphNode): void {
    this.#scattered.add(node);
  }

  declarations(): string {
    return this.elementTypes
      .map(
        (type, at) => `@group(0) @binding(${at}) var<storage, read_write> ${bufferName(at)}: array<${type}>;`,
      )
      .join('\n');
  }

  /** The WGSL element type of each binding; final once all loads are emitted. */
  get elementTypes(): readonly string[] {
    return this.#buffers.map(({ node, type = this.#loadedType(node) }) => type);
  }

  /** The WGSL expression of what lies at `place` in the tensor of a binding. */
  at(name: string, place: string): string {
    if (this.segment === undefined) return `${name}[${place}]`;
    const binding = this.#buffers.findIndex((buffer) => buffer.name === name);
    return `${name}[${this.segment.startOf(binding)} + ${place}]`;
  }

  /** Vectors, if nothing but whole vectors is read. */
  #holdsVectors(node: GraphNode): boolean {
    const loads = this.#loads.filter(({ buffer }) => buffer === node);
    return loads.length > 0 && loads.every(({ neighbour }) => neighbour !== undefined);
  }

  #loadedType(node: GraphNode): string {
    return storedType(node.dtype, this.#holdsVectors(node) ? VECTOR : 1);
  }

  /** Writes the loads of emitted text, whose form depends on all of them. */
  resolve(text: string): string {
    return text
      .replaceAll(/^.*@\[(\d+)\].*\n?/gm, (_, at: string) => {
        const { buffer, neighbour, vector } = this.#loads[Number(at)] as Load;
        if (neighbour === undefined || !this.#holdsVectors(buffer)) return '';
        const stored = this.at(this.#bindBuffer(buffer), `${neighbour.base} / 4u`);
        return `  let ${vector} = ${widened(buffer.dtype, stored, VECTOR)};\n`;
      })
      .replaceAll(/@\{(\d+) [^}]*\}/g, (_, at: string) => {
        const { buffer, place, neighbour, vector } = this.#loads[Number(at)] as Load;
        if (neighbour !== undefined && this.#holdsVectors(buffer)) return `${vector}[${neighbour.lane}]`;
        return widened(buffer.dtype, this.at(this.#bindBuffer(buffer), place), 1);
      });
  }

  // ---- Statements ---------------------------------------------------------------------------------------

  get #scope(): { lines: string[]; known: Map<string, string> } {
    return this.#scopes[this.#scopes.length - 1] as { lines: string[]; known: Map<string, string> };
  }

  line(text: string): void {
    this.#scope.lines.push(text);
  }

  fresh(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }

  #recall(key: string): string | undefined {
    for (let depth = this.#scopes.length - 1; depth >= 0; depth--) {
      const known = this.#scopes[depth]?.known.get(key);
      if (known !== undefined) return known;
    }
    return undefined;
  }

  /** Names the value of an expression; equal expressions share a name. */
  bind(type: string, expression: string): string {
    if (/^\w+$/.test(expression)) return expression;
    const key = `${type}:${expression}`;
    const known = this.#recall(key);
    if (known !== undefined) return known;
    const name = this.fresh('value');
    this.line(`let ${name}: ${type} = ${expression};`);
    this.#scope.known.set(key, name);
    return name;
  }

  /** What `body` emits, as a block of its own. */
  scoped(body: () => void): string {
    this.#scopes.push({ lines: [], known: new Map() });
    body();
    const { lines } = this.#scopes.pop() as { lines: string[] };
    return lines.map((line) => `  ${line.replaceAll('\n', '\n  ')}`).join('\n');
  }

  /**
   * The body of a loop: what `body` emits, but statements that depend on none of the `loops` variables go before
   * the loop, since drivers do not move loads out of loops.
   */
  loopBody(loops: readonly string[], body: () => void): string {
    this.#scopes.push({ lines: [], known: new Map() });
    body();
    const { lines } = this.#scopes.pop() as { lines: string[] };
    const varying = new Set(loops);
    const inside = lines.filter((line) => {
      const name = /^let (\w+)/.exec(line)?.[1];
      const depends =
        name === undefined || line.match(/\b[a-z]\w*\b/g)?.some((word) => varying.has(word)) === true;
      const declared = name ?? /^var (\w+)/.exec(line)?.[1];
      if (depends && declared !== undefined) varying.add(declared);
      if (!depends) this.line(line);
      return depends;
    });
    return inside.map((line) => `  ${line.replaceAll('\n', '\n  ')}`).join('\n');
  }

  /** A value chosen among cases, of which only the one that holds is computed. */
  branch(dtype: DType, cases: readonly BranchCase[]): string {
    const name = this.fresh('chosen');
    this.line(`var ${name}: ${WGSL_TYPE[dtype]};`);
    const text = cases.map(({ condition, body }, at) => {
      const block = this.scoped(() => this.line(`${name} = ${body()};`));
      const head =
        at === 0 ? `if (${condition})` : condition === undefined ? 'else' : `else if (${condition})`;
      return `${head} {\n${block}\n}`;
    });
    this.line(text.join(' '));
    return name;
  }

  // ---- Places -------------------------------------------------------------------------------------------

  indexOfFlat(shape: Shape, flat: string): Index {
    return { shape, flat };
  }
  indexOfDims(shape: Shape, dims: readonly string[]): Index {
    return { shape, dims: dims.map((dim, axis) => (shape[axis] === 1 ? '0u' : this.bind('u32', dim))) };
  }

  /** The places `base` to `base + 3`, which the invocation reads and writes; `base` is a multiple of four. */
  ownPlaces(base: string, count: number): string[] {
    return Array.from({ length: count }, (_, lane) => {
      const place = count === 1 ? base : this.#neighbour(base, lane);
      this.#ownPlaces.add(place);
      return place;
    });
  }

  #neighbour(base: string, lane: number): string {
    const place = lane === 0 ? base : this.bind('u32', `${base} + ${lane}u`);
    this.#neighbours.set(place, { base, lane });
    return place;
  }

  /** `dim + by`, for a place along an axis. */
  offset(dim: string, by: number): string {
    if (by === 0) return dim;
    const neighbour = this.#neighbours.get(dim);
    if (neighbour === undefined || by % VECTOR !== 0) return this.bind('u32', `${dim} + ${by}u`);
    return this.#neighbour(this.bind('u32', `${neighbour.base} + ${by}u`), neighbour.lane);
  }

  /** The row-major offset. */
  flat(index: Index): string {
    if (index.flat !== undefined) return index.flat;
    const strides = rowMajorStrides(index.shape);
    const { dims = [] } = index;
    const last = this.#neighbours.get(dims.at(-1) ?? '');
    const aligned = last !== undefined && (index.shape.at(-1) as number) % VECTOR === 0;
    if (aligned && last.base !== dims.at(-1)) {
      return this.#neighbour(
        this.flat({ shape: index.shape, dims: [...dims.slice(0, -1), last.base] }),
        last.lane,
      );
    }
    const terms = dims.flatMap((dim, axis) => {
      if (dim === '0u') return [];
      const stride = strides[axis] as number;
      // Sums over what lies as often as there are rows, whatever the size: the same code for all sizes.
      const isOwnSize = this.segment !== undefined && stride === this.segment.size;
      return [stride === 1 ? dim : `${dim} * ${isOwnSize ? this.segment?.elements : `${stride}u`}`];
    });
    const flat = terms.length === 0 ? '0u' : this.bind('u32', terms.join(' + '));
    if (aligned) this.#neighbours.set(flat, { base: flat, lane: 0 });
    return flat;
  }

  /** One expression for each axis. */
  dims(index: Index): readonly string[] {
    if (index.dims !== undefined) return index.dims;
    const { shape, flat = '0u' } = index;
    const neighbour = this.#neighbours.get(flat);
    if (neighbour !== undefined && (shape.at(-1) ?? 0) % VECTOR === 0 && neighbour.base !== flat) {
      const dims = this.dims({ shape, flat: neighbour.base });
      return [...dims.slice(0, -1), this.#neighbour(dims.at(-1) as string, neighbour.lane)];
    }
    const strides = rowMajorStrides(shape);
    const first = shape.findIndex((size) => size !== 1);
    return shape.map((size, axis) => {
      if (size === 1) return '0u';
      const stride = strides[axis] as number;
      const quotient = stride === 1 ? flat : this.bind('u32', `${flat} / ${stride}u`);
      const dim = axis === first ? quotient : this.bind('u32', `${quotient} % ${size}u`);
      // The first of four neighbours along the last axis.
      if (neighbour !== undefined && stride === 1 && size % VECTOR === 0)
        this.#neighbours.set(dim, { base: dim, lane: 0 });
      return dim;
    });
  }

  /** The place in a tensor of another shape with the same elements. Axes that both shapes share are kept. */
  reshapeIndex(index: Index, shape: Shape): Index {
    if (index.flat !== undefined || index.dims === undefined) return { shape, flat: this.flat(index) };
    const dims: string[] = [];
    let from = 0;
    let to = 0;
    while (from < index.shape.length || to < shape.length) {
      // Grow both groups of axes until they hold equally many elements.
      const [fromStart, toStart] = [from, to];
      let fromSize = index.shape[from++] ?? 1;
      let toSize = shape[to++] ?? 1;
      while (fromSize !== toSize) {
        if (fromSize < toSize) fromSize *= index.shape[from++] ?? 1;
        else toSize *= shape[to++] ?? 1;
        if (from > index.shape.length + 1 || to > shape.length + 1) return { shape, flat: this.flat(index) };
      }
      const group: Index = {
        shape: index.shape.slice(fromStart, from),
        dims: index.dims.slice(fromStart, from),
      };
      const target = shape.slice(toStart, to);
      const solid = group.shape.flatMap((size, axis) => (size === 1 ? [] : [group.dims?.[axis] as string]));
      if (solid.length === 1 && target.filter((size) => size !== 1).length === 1) {
        dims.push(...target.map((size) => (size === 1 ? '0u' : (solid[0] as string))));
      } else {
        dims.push(...this.dims({ shape: target, flat: this.flat(group) }));
      }
    }
    return { shape, dims };
  }

  /** Loads of neighbours are vectors in this scope. */
  loadsVectorsHere(): void {
    this.#vectorDepth = this.#scopes.length;
  }

  /** Names the value of `node` at a place, which the kernel has computed. */
  define(node: GraphNode, flat: string, value: string): void {
    this.#scope.known.set(`${node.id}@${flat}`, value);
  }

  // ---- Values -------------------------------------------------------------------------------------------

  /** The WGSL expression of one element of `node`; as many statements as it takes are emitted before. */
  value(wanted: GraphNode, index: Index): string {
    const node = this.placement.canonical(wanted);
    const key = `${node.id}@${index.flat ?? index.dims?.join(',')}`;
    const known = this.#recall(key);
    if (known !== undefined) return known;
    const result = this.#compute(node, index);
    this.#scope.known.set(key, result);
    return result;
  }

  /** The same for what is about to be stored: a rounding to f16 is left to the store. */
  valueToStore(wanted: GraphNode, index: Index): string {
    const node = this.placement.canonical(wanted);
    const [input] = node.inputs;
    const rounds = node.operation.name === 'cast' && node.source === undefined && node.dtype === 'f16';
    return this.value(rounds && input?.dtype === 'f32' ? input : node, index);
  }

  #compute(node: GraphNode, index: Index): string {
    const stored = this.placement.bufferOf(node);
    if (stored !== undefined) return this.#load(stored, node.dtype, this.flat(index));
    const { lowering } = node.operation;
    const attributes = node.attributes as never;
    switch (lowering.kind) {
      case 'elementwise': {
        const operands = node.inputs.map((input) => this.value(input, index));
        return this.bind(WGSL_TYPE[node.dtype], lowering.expression(operands, attributes, node.inputs));
      }
      case 'indexed':
        return this.bind(WGSL_TYPE[node.dtype], lowering.emit(this, node, attributes, index));
      case 'reduction':
        return this.#reduce(node, index);
      default:
        throw new Error(`internal: ${node.operation.name} has no buffer and cannot be computed in place.`);
    }
  }

  #load(stored: GraphNode, dtype: DType, place: string): string {
    if (!this.#ownPlaces.has(place)) this.#scattered.add(stored);
    this.#bindBuffer(stored);
    const neighbour = this.#scopes.length === this.#vectorDepth ? this.#neighbours.get(place) : undefined;
    const vector = this.#recall(`vector:${stored.id}:${neighbour?.base}`) ?? this.fresh('vector');
    const load = this.#loads.push({ buffer: stored, place, neighbour, vector }) - 1;
    if (neighbour !== undefined && this.#recall(`vector:${stored.id}:${neighbour.base}`) === undefined) {
      this.#scope.known.set(`vector:${stored.id}:${neighbour.base}`, vector);
      // Both names are there for those who ask what the statement declares and depends on.
      this.line(`let ${vector} = @[${load}] ${neighbour.base};`);
    }
    // The place is named so that the statement is seen to depend on it.
    const element = `@{${load} ${place}}`;
    return this.bind(WGSL_TYPE[dtype], dtype === 'bool' ? `${element} != 0u` : element);
  }

  /** A loop over the reduced axes; of four neighbours, whose results are asked for one by one, one loop for all. */
  #reduce(node: GraphNode, index: Index): string {
    const { reducer, axes } = node.attributes as ReductionAttributes;
    const input = node.inputs[0] as GraphNode;
    const flats = this.#neighboursOf(index);
    const indices: readonly Index[] = flats?.map((flat) => ({ shape: index.shape, flat })) ?? [index];
    const loops = axes.map(() => this.fresh('at'));
    const places = indices.map((each) => {
      const dims = this.dims(each);
      let kept = 0;
      return input.shape.map((_, axis) => {
        const loop = axes.indexOf(axis);
        return loop >= 0 ? (loops[loop] as string) : (dims[kept++] as string);
      });
    });
    const accumulators = indices.map(() => new Accumulator(this, reducer, input.dtype as ComputedDType));
    const depth = this.#vectorDepth;
    let block = this.loopBody(loops, () => {
      if (flats !== undefined) this.#vectorDepth = this.#scopes.length;
      accumulators.forEach((accumulator, lane) => {
        const value = this.value(input, this.indexOfDims(input.shape, places[lane] as string[]));
        accumulator.add(value, loops[0] as string);
      });
    });
    this.#vectorDepth = depth;
    for (let at = axes.length - 1; at >= 0; at--) {
      const size = input.shape[axes[at] as number] as number;
      block = size === 0 ? '' : repeat(loops[at] as string, { end: loopEnd(size) }, block);
    }
    this.line(block);
    flats?.forEach((flat, lane) => {
      this.define(node, flat, (accumulators[lane] as Accumulator).result);
    });
    return (accumulators[(flats ?? []).indexOf(index.flat ?? '')] ?? (accumulators[0] as Accumulator)).result;
  }

  /** The four places of which `index` is one, if neighbours are computed side by side here. */
  #neighboursOf({ flat = '' }: Index): string[] | undefined {
    const own = this.#neighbours.get(flat);
    if (own === undefined || this.#scopes.length !== this.#vectorDepth) return undefined;
    return Array.from({ length: VECTOR }, (_, lane) => this.#neighbour(own.base, lane));
  }

  helpers(text: string): string {
    const used = new Set<string>();
    const visit = (source: string): void => {
      for (const name of Object.keys(HELPERS)) {
        if (used.has(name) || !new RegExp(`\\b${name}\\(`).test(source)) continue;
        used.add(name);
        visit(HELPERS[name] as string);
      }
    };
    visit(text);
    return Object.keys(HELPERS)
      .filter((name) => used.has(name))
      .map((name) => HELPERS[name])
      .join('\n');
  }

  /** The statements at the top level. */
  statements(): string {
    return (this.#scopes[0] as { lines: string[] }).lines
      .map((line) => `  ${line.replaceAll('\n', '\n  ')}`)
      .join('\n');
  }
}

/** How many elements a reduction reads for each that it gives. */
export const reducedSize = (node: GraphNode): number => {
  const { axes } = node.attributes as ReductionAttributes;
  const shape = (node.inputs[0] as GraphNode).shape;
  return sizeOf(axes.map((axis) => shape[axis] as number));
};
