import { type DType, narrowed, STORED_TYPE, storedType, widened } from '../dtype.js';
import type { GraphNode } from '../graph.js';
import { partNumber } from '../ops/part.js';
import type { ReductionAttributes } from '../ops/reduce.js';
import type { Choices } from '../tune/choices.js';
import { Emitter, type Index, type Placement, VECTOR } from './emitter.js';
import {
  MAX_WORKGROUPS,
  nodesOf,
  type Segment,
  type SegmentedForm,
  segmentedText,
  segmentStart,
} from './segments.js';

/** One dispatch: WGSL, what it binds, and how many workgroups run. */
export interface Kernel {
  readonly name: string;
  /** Which of several ways to compute it this is. */
  readonly variant: string | undefined;
  readonly code: string;
  readonly workgroups: readonly [number, number, number];
  /** Nodes whose buffers are bound, in the order of the bindings. */
  readonly bindings: readonly GraphNode[];
  /** What `sizes` holds, bound behind the buffers; empty where the code needs none. */
  readonly parameters: readonly number[];
  readonly outputs: readonly GraphNode[];
  /** Whether `node` is read only where the same invocation writes `result`, and before it writes. */
  readsInPlace(node: GraphNode, result: GraphNode): boolean;
  /** What it works through, where its bindings are not tensors but stretches of memory with many inside. */
  readonly segmented?: { readonly form: SegmentedForm; readonly segments: readonly Segment[] };
  /** The same work done for many tensors at once, where that can be. */
  batched?(): BatchedCode;
}

/** A kernel as the code for many tensors, of which it has one. */
export interface BatchedCode {
  readonly code: string;
  readonly form: SegmentedForm;
  /** Elements or vectors of the one. */
  readonly count: number;
}

/** What a kernel written by hand gives; `@compute fn` and the bindings are added around it. */
export interface KernelText {
  /** Statements of the entry point. In scope: `group` (workgroup), `local` (place in it), `lane` (flat place in it). */
  readonly body: string;
  /** Functions, constants and workgroup variables of the module. */
  readonly declarations?: string;
  /** Names the way that was chosen, where an operation has several. */
  readonly variant?: string;
  /**
   * Unsigned integers that the body reads as `sizes: array<vec4<u32>, n>`, four an element. What lies there and not
   * in the code does not make another pipeline.
   */
  readonly parameters?: readonly number[];
  /**
   * What is worked through in one dispatch, for the text of `segmentedText`; bindings in the order in which they were asked
   * for. Inputs are read at the place that is computed, results are put where the text says.
   */
  readonly segments?: { readonly rounds: number; readonly list: readonly Segment[] };
  /** WGSL directives at the head of the module: extensions that it enables, diagnostics. */
  readonly directives?: readonly string[];
  readonly workgroupSize: readonly [number, number, number];
  readonly workgroups: readonly [number, number, number];
}

/** Facts of the adapter that choose between variants of a kernel. */
export interface Target {
  /** Runs on the CPU: no barriers are cheap, loads that all lanes share are. */
  readonly software: boolean;
  readonly maxBuffers: number;
  /** Bytes of the largest binding; larger tensors are bound in parts. */
  readonly maxBindingBytes: number;
  readonly maxWorkgroupMemory: number;
  /** Lanes of every subgroup, where the adapter has subgroups and they are all of one size. */
  readonly subgroupSize: number | undefined;
  /** Chooses among the ways of kernels that have several. */
  readonly choices: Choices;
}

export interface KernelContext<Attributes> {
  readonly node: GraphNode;
  readonly attributes: Attributes;
  readonly wgsl: KernelWriter;
  readonly target: Target;
}

export type KernelBuilder<Attributes> = (context: KernelContext<Attributes>) => KernelText;

const WORKGROUP = 64;
/**
 * Elements or vectors that an invocation computes where it works through many tensors: finding its place costs some time.
 * The most of them where the list of parts gets long.
 */
const BATCH_ROUNDS = [4, 64] as const;

/** `count` invocations, one a row of work; the second axis takes what the first cannot. The count is a parameter. */
function linearKernel(count: number, body: (place: string) => string): KernelText {
  const groups = Math.ceil(count / WORKGROUP);
  const across = Math.min(groups, MAX_WORKGROUPS);
  return {
    workgroupSize: [WORKGROUP, 1, 1],
    workgroups: [across, Math.ceil(groups / Math.max(across, 1)), 1],
    parameters: [count, across],
    body: `  let place = (group.y * sizes[0].y + group.x) * ${WORKGROUP}u + lane;
  if (place >= sizes[0].x) { return; }
${body('place')}`,
  };
}

/** What kernels written by hand use to name their buffers, to compute inlined inputs and to store their results. */
export class KernelWriter {
  /** The buffer of the result, for kernels without an epilogue. */
  readonly output: string;
  readonly #outputs: readonly string[];
  /** Elements that one element of the output holds. */
  readonly #lanes: number;

  constructor(
    readonly emitter: Emitter,
    readonly node: GraphNode,
    readonly parts: readonly GraphNode[],
    /** What is stored: the node itself, or what is computed from it. */
    readonly results: readonly GraphNode[],
    outputType: string = STORED_TYPE[node.dtype],
  ) {
    this.#lanes = outputType.startsWith('vec4') ? VECTOR : 1;
    this.#outputs = results.map((result) => emitter.buffer(result, storedType(result.dtype, this.#lanes)));
    this.output = this.#outputs[0] as string;
  }

  /** Whether elementwise work is done on results before they are stored. */
  get hasEpilogue(): boolean {
    return this.results[0] !== this.node;
  }

  /**
   * Statements that store a result at `place`: of four neighbours in a vector, where the output holds vectors, else one
   * element. `place` counts what the output holds.
   */
  store(place: string, value: string): string {
    if (!this.hasEpilogue) return `${this.output}[${place}] = ${this.#rounded(value)};`;
    const { emitter, node } = this;
    const lanes = this.#lanes;
    const block = emitter.scoped(() => {
      emitter.loadsVectorsHere();
      const result = emitter.bind(lanes === 1 ? 'f32' : 'vec4<f32>', value);
      const base = emitter.bind('u32', lanes === 1 ? place : `(${place}) * ${lanes}u`);
      const places = emitter.ownPlaces(base, lanes);
      places.forEach((flat, lane) => {
        emitter.define(node, flat, lanes === 1 ? result : `${result}[${lane}]`);
      });
      const stores = this.results.map((each, at) => {
        const values = places.map((flat) => emitter.valueToStore(each, { shape: each.shape, flat }));
        return `${this.#outputs[at]}[${place}] = ${narrowed(each.dtype, values)};`;
      });
      for (const line of stores) emitter.line(line);
    });
    return `{\n${block}\n}`;
  }

  /** A result as the output holds it: an element, or a vector. */
  #rounded(value: string): string {
    if (this.node.dtype !== 'f16') return value;
    return `${storedType('f16', this.#lanes)}(${value})`;
  }

  /** Loads of elements of an input, or of vectors of four, as WGSL expressions for places: f32 also where it is stored as f16. */
  reader(at: number, lanes: 1 | 4 = 1): (place: string) => string {
    const { dtype } = this.stored(at);
    const buffer = this.input(at, storedType(dtype, lanes));
    return (place) => widened(dtype, `${buffer}[${place}]`, lanes);
  }

  /** The dtype that the buffer of an input holds: f16 where the input was widened from it. */
  storedDType(at: number): DType {
    return this.stored(at).dtype;
  }

  /** The node whose buffer holds an input. */
  stored(at: number): GraphNode {
    const stored = this.emitter.placement.bufferOf(this.node.inputs[at] as GraphNode);
    if (stored === undefined)
      throw new Error(`internal: input ${at} of ${this.node.operation.name} has no buffer.`);
    return stored;
  }

  /** The buffer of an input, as an array of `type` (its own element type when absent). */
  input(at: number, type?: string): string {
    const stored = this.stored(at);
    this.emitter.readAnywhere(stored);
    return this.emitter.buffer(stored, type);
  }

  /** The buffer of result number `part` of the kernel, if anybody wants it. */
  part(part: number): string | undefined {
    const node = this.parts.find((each) => partNumber(each) === part);
    return node && this.emitter.buffer(node);
  }

  /**
   * Statements for a loop over `loop` that end in `use(values)`, where the values are the elements of an inlined input at
   * each of `places` (one expression an axis), and the statements that must stand before the loop.
   */
  elementsInLoop(
    at: number,
    places: readonly (readonly string[])[],
    loop: string,
    use: (values: readonly string[]) => string,
  ): { before: string; inside: string } {
    const { emitter } = this;
    const input = this.node.inputs[at] as GraphNode;
    let inside = '';
    const before = emitter.scoped(() => {
      inside = emitter.loopBody([loop], () => {
        const values = places.map((dims) => {
          const index: Index = {
            shape: input.shape,
            dims: dims.map((dim, axis) => (input.shape[axis] === 1 ? '0u' : dim)),
          };
          return emitter.value(input, index);
        });
        emitter.line(use(values));
      });
    });
    return { before, inside };
  }

  perInvocation(count: number, body: (place: string) => string): KernelText {
    return linearKernel(count, body);
  }
}

/** The WGSL of the parameters, bound behind the buffers. */
export const parameterDeclaration = (binding: number, count: number): string =>
  count === 0
    ? ''
    : `@group(0) @binding(${binding}) var<uniform> sizes: array<vec4<u32>, ${Math.ceil(count / 4)}>;`;

function assemble(name: string, emitter: Emitter, text: KernelText, outputs: readonly GraphNode[]): Kernel {
  const { parameters = [] } = text;
  const source = emitter.resolve(`${text.declarations ?? ''}
@compute @workgroup_size(${text.workgroupSize.join(', ')})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
${text.body}
}`);
  const declarations = emitter.declarations();
  const directives = [
    ...(/\bf16\b/.test(declarations + source) ? ['enable f16'] : []),
    ...(text.directives ?? []),
  ];
  const code = [
    ...directives.map((directive) => `${directive};`),
    declarations,
    parameterDeclaration(emitter.bound.length, parameters.length),
    emitter.helpers(source),
    source,
  ]
    .filter((part) => part !== '')
    .join('\n');
  const { segments } = text;
  return {
    name,
    variant: text.variant,
    code,
    workgroups: text.workgroups,
    bindings: segments === undefined ? emitter.bound : nodesOf(segments.list),
    parameters,
    outputs,
    readsInPlace: (node) => segments === undefined && emitter.readsInPlace(node),
    ...(segments && {
      segmented: {
        form: {
          elementTypes: emitter.elementTypes,
          ownPlace: emitter.bound.map((node) => !outputs.includes(node)),
          rounds: [segments.rounds, segments.rounds],
        },
        segments: segments.list,
      },
    }),
  };
}

/** Elements from which a kernel is worth vectors; where each is a sum of many, fewer. */
const VECTOR_FROM = 4096;
const VECTOR_SUMS_FROM = 256;
const VECTORIZABLE = new Set(['constant', 'iota', 'reshape', 'permute', 'expand', 'slice']);

/** Whether the neighbours of a reduction are sums over neighbours. */
function keepsNeighbours(node: GraphNode): boolean {
  const { axes, reducer } = node.attributes as ReductionAttributes;
  const rank = (node.inputs[0] as GraphNode).shape.length;
  return !axes.includes(rank - 1) && reducer !== 'argmax' && reducer !== 'argmin';
}

/**
 * Whether four neighbours can be computed side by side, so that what they load lies side by side as well: there are
 * no branches in what is fused into `node`, and where `sums` are not welcome, no loops.
 */
export function isVectorizable(node: GraphNode, placement: Placement, sums = false): boolean {
  const last = node.shape.at(-1) ?? 1;
  if (last % VECTOR !== 0) return false;
  const seen = new Set<GraphNode>();
  const visit = (wanted: GraphNode, ownPlace: boolean): boolean => {
    const at = placement.canonical(wanted);
    if (seen.has(at) || placement.bufferOf(at) !== undefined) return true;
    seen.add(at);
    const { lowering, name } = at.operation;
    if (lowering.kind === 'reduction') {
      return sums && ownPlace && keepsNeighbours(at) && at.inputs.every((input) => visit(input, false));
    }
    const elementwise = lowering.kind === 'elementwise';
    if (!elementwise && !VECTORIZABLE.has(name)) return false;
    return at.inputs.every((input) => visit(input, ownPlace && (elementwise || name === 'reshape')));
  };
  return visit(node, true) && seen.size <= MAX_VECTOR_NODES;
}

/** Beyond this many fused operations the code of four elements gets long. */
const MAX_VECTOR_NODES = 40;

/** A name for profiles: the operations that were fused, from the last to the first. */
function fusedName(node: GraphNode, placement: Placement): string {
  const names: string[] = [];
  const visit = (at: GraphNode): void => {
    const canonical = placement.canonical(at);
    if (names.length >= 4 || (at !== node && placement.bufferOf(canonical) !== undefined)) return;
    const { name } = canonical.operation;
    if (!['constant', 'reshape', 'expand', 'permute', 'leaf'].includes(name)) names.push(name);
    for (const input of canonical.inputs) visit(input);
  };
  visit(node);
  return names.length === 0 ? 'copy' : names.join('·');
}

/** What the kernels of a node are built of. */
export interface KernelRequest {
  readonly node: GraphNode;
  /** Other results of the kernel written by hand. */
  readonly parts: readonly GraphNode[];
  /** Nodes on the way that are stored as well. */
  readonly others: readonly GraphNode[];
  /** The node whose kernel computes this one from its results before they are stored, if it is not its own. */
  readonly from: GraphNode | undefined;
}

/** The kernels that compute a node, and what is merged with it, into their buffers. */
export function buildKernels(
  { node, parts, others, from }: KernelRequest,
  placement: Placement,
  target: Target,
): readonly Kernel[] {
  const results = [node, ...others];
  const own = from ?? node;
  const { lowering, name } = own.operation;
  if (lowering.kind !== 'kernel') return [fusedKernel(results, placement, target)];
  const builders = typeof lowering.build === 'function' ? [lowering.build] : lowering.build;
  const inside = from === undefined ? placement : computing([...results, from], placement);
  const label = from === undefined ? name : `${name}, ${fusedName(node, computing(results, placement))}`;
  return builders.map((build) => {
    const emitter = new Emitter(inside);
    const wgsl = new KernelWriter(emitter, own, parts, results, lowering.outputType?.(own, target));
    const text = build({ node: own, attributes: own.attributes as never, wgsl, target });
    return assemble(label, emitter, text, [...results, ...parts]);
  });
}

/** The placement inside a kernel that computes these nodes and does not load them. */
const computing = (results: readonly GraphNode[], placement: Placement): Placement => ({
  canonical: (wanted) => placement.canonical(wanted),
  bufferOf: (wanted) => {
    const stored = placement.bufferOf(wanted);
    return stored !== undefined && results.includes(stored) ? undefined : stored;
  },
});

/** The kernel of operations that are expressions: of the first node and all that is fused into it, and of others on the way. */
function fusedKernel(results: readonly GraphNode[], placement: Placement, target: Target): Kernel {
  const node = results[0] as GraphNode;
  const inside = computing(results, placement);
  const emitter = new Emitter(inside);
  // On the CPU four loads side by side cost little more than one; a GPU has invocations for all of them.
  const sums = target.software && node.size >= VECTOR_SUMS_FROM && !isVectorizable(node, inside);
  const worthIt = sums || node.size >= VECTOR_FROM;
  const lanes = worthIt && isVectorizable(node, inside, sums) ? VECTOR : 1;
  const name = fusedName(node, inside);
  const text = linearKernel(node.size / lanes, (place) => fusedBody(emitter, results, lanes, place));
  return {
    ...assemble(name, emitter, text, results),
    batched: () => {
      // In company even a small tensor is worth vectors, and needs no code of its own.
      const together = isVectorizable(node, inside, target.software) ? VECTOR : 1;
      const each = new Emitter(inside, { startOf: segmentStart, elements: 'elements', size: node.size });
      const body = fusedBody(each, results, together, 'place');
      const { code } = assemble(name, each, segmentedText({ body }), results);
      const ownPlace = each.bound.map((bound) => results.includes(bound) || each.readsInPlace(bound));
      const form = { elementTypes: each.elementTypes, ownPlace, rounds: BATCH_ROUNDS };
      return { code, form, count: node.size / together };
    },
  };
}

/** Statements that compute and store what lies at `place` of the results, which counts vectors where there are `lanes`. */
function fusedBody(
  emitter: Emitter,
  results: readonly GraphNode[],
  lanes: 1 | typeof VECTOR,
  place: string,
): string {
  const outputs = results.map((result) => emitter.buffer(result, storedType(result.dtype, lanes)));
  const base = lanes === 1 ? place : emitter.bind('u32', `${place} * ${lanes}u`);
  const places = emitter.ownPlaces(base, lanes);
  // All are computed before the first is stored, since results may lie where inputs were.
  const stores = results.map((result, at) => {
    const values = places.map((flat) => emitter.valueToStore(result, { shape: result.shape, flat }));
    return `${emitter.at(outputs[at] as string, place)} = ${narrowed(result.dtype, values)};`;
  });
  return [emitter.statements(), ...stores].join('\n  ');
}
