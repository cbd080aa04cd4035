import { helpfulDevices, requestAdapter } from '#gpu';
import {
  CompiledStep,
  type CompileOptions,
  type StepFunction,
  type StepInputs,
} from './compile/compiled-step.js';
import type { Target } from './compile/kernel.js';
import { Plan } from './compile/plan.js';
import {
  byteSize,
  checkNumber,
  type DType,
  dtypeOfHostArray,
  fromDeviceBytes,
  type HostArray,
  isFloat,
  toDeviceWords,
  toHostArray,
} from './dtype.js';
import {
  AdapterNotFoundError,
  type DeviceLostError,
  DisposedError,
  DTypeError,
  ForetokenError,
  ShapeError,
} from './errors.js';
import { GraphNode, type Source } from './graph.js';
import { flattenNested, isHostArray } from './nested.js';
import type { Operation } from './operation.js';
import type { IndexRange } from './ops/indices.js';
import { leaf } from './ops/leaf.js';
import { type ConstantAttributes, constant, iota } from './ops/movement.js';
import { randomBits, randomNormal, randomUniform } from './ops/random.js';
import { type DeviceInfo, describeAdapter, subgroupSizeOf, WORKGROUPS_TO_FILL } from './runtime/adapter.js';
import { type Helpers, NO_HELPERS } from './runtime/first-use.js';
import { Runtime } from './runtime/runtime.js';
import { alignUp, checkBytes, type MemoryReport, type Storage } from './runtime/storage.js';
import { checkShape, formatShape, type Shape, sizeOf } from './shape.js';
import { type NestedArray, Tensor } from './tensor.js';
import type { TuningChoices } from './tune/choices.js';
import { Tuner, type TuningStore } from './tune/tuner.js';
import { Variable, VariableState } from './variable.js';
import { VERSION } from './version.js';

export interface TuningOptions {
  /** Keeps what was measured between processes; without one it holds for this device only. */
  readonly store?: TuningStore;
  /** Milliseconds after which `CompiledStep.warmUp` begins no further measurement. Default 1000; 0 never measures. */
  readonly budgetMilliseconds?: number;
  /** Answers of an earlier run, which come before those of the store: the same kernels, and so the same bits. */
  readonly choices?: TuningChoices;
}

export interface OpenDeviceOptions {
  readonly tuning?: TuningOptions;
  /** An adapter of your own choice; else one is requested. */
  readonly adapter?: GPUAdapter;
  readonly powerPreference?: GPUPowerPreference;
  /**
   * For tests: fills all memory with a pattern before it is used (0x5a5a5a5a, which is 1.5e16 as f32), so that results that
   * were never written are seen. Slow.
   */
  readonly poison?: boolean;
}

export interface TensorOptions {
  readonly shape?: Shape;
  readonly dtype?: DType;
  /** Keep the history of what is computed from it, so that `grad()` works also after evaluation. */
  readonly requiresGrad?: boolean;
}

export interface VariableOptions {
  readonly shape?: Shape;
  readonly dtype?: DType;
  readonly name?: string;
  /** Whether `backward()` gives it a gradient. Default: true for f32 and f16. */
  readonly trainable?: boolean;
}

/** Frees GPU memory made since it was opened when it is disposed (`using scope = device.openScope()`). */
export interface Scope extends Disposable {
  /** Exempts tensors: they live on in the scope around this one. */
  keep(...tensors: readonly Tensor[]): void;
}

/** What a trace must put back when it ends. */
export interface TraceJournal {
  readonly leaves: Map<VariableState, GraphNode>;
  readonly grads: Map<VariableState, Tensor | undefined>;
  /** The integers that inputs may hold, by what is done with them. */
  readonly ranges: { readonly input: string; readonly range: IndexRange }[];
}

const TUNING_BUDGET = 1000;

const collectTensors = (value: unknown): Tensor[] => {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(collectTensors);
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.values(value).flatMap(collectTensors);
  }
  return [];
};

/**
 * Opens a WebGPU device with all the features and limits of its adapter.
 *
 * @throws AdapterNotFoundError when the machine has no WebGPU adapter
 */
export async function openDevice(options: OpenDeviceOptions = {}): Promise<Device> {
  const request = options.powerPreference ? { powerPreference: options.powerPreference } : {};
  const adapter = options.adapter ?? (await requestAdapter(request));
  if (!adapter) {
    throw new AdapterNotFoundError(
      'openDevice: no WebGPU adapter on this machine. Install a Vulkan driver (a software one will do: Mesa 23 or newer), or a GPU driver.',
    );
  }
  const optional: GPUFeatureName[] = ['timestamp-query', 'subgroups' as GPUFeatureName, 'shader-f16'];
  const requiredLimits: Record<string, number> = {};
  for (const name of [
    'maxBufferSize',
    'maxStorageBufferBindingSize',
    'maxStorageBuffersPerShaderStage',
    'maxComputeWorkgroupStorageSize',
    'maxComputeInvocationsPerWorkgroup',
    'maxComputeWorkgroupSizeX',
    'maxComputeWorkgroupSizeY',
  ] as const) {
    requiredLimits[name] = adapter.limits[name] as number;
  }
  const descriptor = {
    requiredFeatures: optional.filter((feature) => adapter.features.has(feature)),
    requiredLimits,
  };
  const gpu = await adapter.requestDevice(descriptor);
  const helpers: Helpers = {
    // An adapter gives one device only, and another like one that was handed in is not known.
    count: options.adapter === undefined ? helpfulDevices(adapter.info) : 0,
    open: async () => {
      const another = await requestAdapter(request);
      if (!another) throw new AdapterNotFoundError('openDevice: the adapter is gone.');
      return another.requestDevice(descriptor);
    },
  };
  const { store, budgetMilliseconds, choices = {} } = options.tuning ?? {};
  const device = new Device(gpu, adapter.info, store, budgetMilliseconds, helpers, options.poison);
  await device.tuner.load();
  device.tuner.choices.load(choices);
  return device;
}

/** Makes tensors, evaluates them, and owns all GPU memory. */
export class Device {
  readonly info: DeviceInfo;
  readonly features: ReadonlySet<string>;
  readonly limits: Readonly<Record<string, number>>;
  /** Settles when the GPU is gone. */
  readonly lost: Promise<DeviceLostError>;
  /** @internal */
  readonly runtime: Runtime;
  /** @internal Variables with assignments that have not been evaluated. */
  readonly pendingVariables = new Set<VariableState>();
  /** @internal Set while a compiled step is traced. */
  journal: TraceJournal | undefined;
  /** @internal Nodes whose storage a compiled step has bound. */
  readonly pinned = new WeakSet<GraphNode>();
  /** Nodes whose values move to the host when they are read: nobody asked to keep them on the GPU. */
  readonly #movable = new WeakSet<GraphNode>();
  readonly #scopes: Set<GraphNode>[] = [];
  readonly #collected = new FinalizationRegistry<Storage>((storage) => storage.release());
  #variables = 0;

  /** Chooses among the ways that kernels can take. */
  readonly tuner: Tuner;

  /** @internal Use `openDevice`. */
  constructor(
    gpu: GPUDevice,
    adapter: GPUAdapterInfo,
    store?: TuningStore,
    /** Milliseconds that warming up may spend on measurements. */
    readonly tuningBudget = TUNING_BUDGET,
    helpers: Helpers = NO_HELPERS,
    poison = false,
  ) {
    this.info = describeAdapter(adapter);
    this.tuner = new Tuner(this, store, VERSION);
    this.features = new Set(gpu.features as ReadonlySet<string>);
    const limits: Record<string, number> = {};
    for (const name in gpu.limits) {
      const value = gpu.limits[name as keyof GPUSupportedLimits];
      if (typeof value === 'number') limits[name] = value;
    }
    this.limits = limits;
    const target: Target = {
      software: this.info.software,
      workgroupsToFill: WORKGROUPS_TO_FILL[this.info.adapterClass],
      // Dozens of bindings in one kernel help nobody.
      maxBuffers: Math.min(gpu.limits.maxStorageBuffersPerShaderStage, 16),
      maxBindingBytes: gpu.limits.maxStorageBufferBindingSize,
      maxWorkgroupMemory: gpu.limits.maxComputeWorkgroupStorageSize,
      subgroupSize: gpu.features.has('subgroups' as GPUFeatureName) ? subgroupSizeOf(adapter) : undefined,
      choices: this.tuner.choices,
    };
    this.runtime = new Runtime(gpu, target, helpers, poison);
    this.lost = this.runtime.lost;
  }

  // ---- Making tensors -----------------------------------------------------------------------------------

  /** @internal */
  leaf(shape: Shape, dtype: DType, source: Source, tracked = false): GraphNode {
    return new GraphNode(this, leaf, [], undefined, shape, dtype, source, tracked);
  }

  /**
   * A tensor of host values: a number, nested arrays, or a typed array, which is copied. JavaScript numbers become
   * f32 and booleans bool unless `dtype` says otherwise; typed arrays keep their type. For f16 they are rounded to
   * nearest, ties to even.
   *
   * @throws ShapeError when nested arrays are ragged, or values do not fill `shape`
   * @throws DTypeError for f16 on an adapter without `shader-f16`
   */
  tensor(values: NestedArray | HostArray, options: TensorOptions = {}): Tensor {
    const flat = isHostArray(values)
      ? {
          values: values as ArrayLike<number>,
          shape: [values.length] as Shape,
          dtype: dtypeOfHostArray(values),
        }
      : flattenNested(values);
    const shape = options.shape ?? flat.shape;
    checkShape('tensor', shape);
    if (sizeOf(shape) !== flat.values.length) {
      throw new ShapeError(
        `tensor: shape ${formatShape(shape)} takes ${sizeOf(shape)} values, got ${flat.values.length}.`,
      );
    }
    const dtype = options.dtype ?? flat.dtype;
    this.checkDType('tensor', dtype);
    const converted = toHostArray(flat.values, dtype);
    const own = (converted as unknown) === values ? converted.slice() : converted;
    return new Tensor(this.leaf(shape, dtype, { kind: 'host', values: own }, options.requiresGrad));
  }

  /** `value` everywhere. */
  full(shape: Shape, value: number, dtype: DType = 'f32'): Tensor {
    checkShape('full', shape);
    this.checkDType('full', dtype);
    checkNumber('full', value, dtype);
    const attributes: ConstantAttributes = { shape, dtype, value };
    return new Tensor(new GraphNode(this, constant as unknown as Operation, [], attributes, shape, dtype));
  }
  zeros(shape: Shape, dtype: DType = 'f32'): Tensor {
    checkShape('zeros', shape);
    return this.full(shape, 0, dtype);
  }
  ones(shape: Shape, dtype: DType = 'f32'): Tensor {
    checkShape('ones', shape);
    return this.full(shape, 1, dtype);
  }
  /** 0, 1, 2, ... */
  arange(count: number, dtype: DType = 'i32'): Tensor {
    checkShape('arange', [count]);
    // Counted in i32.
    if (count > 2 ** 31)
      throw new ShapeError(`arange: asked for ${count} numbers; at most ${2 ** 31} are counted.`);
    return this.indices([count], 0).cast(dtype);
  }
  /** @internal The index along one axis; i32. */
  indices(shape: Shape, axis: number): Tensor {
    return new Tensor(new GraphNode(this, iota as unknown as Operation, [], { shape, axis }, shape, 'i32'));
  }

  /**
   * Checks that the adapter can hold a tensor of this shape, before its values are made on the host.
   *
   * @param name - of what is asked for, for the message
   * @throws ShapeError, or OutOfMemoryError with what was asked for and what there is
   */
  checkSize(name: string, shape: Shape, dtype: DType = 'f32'): void {
    checkShape(name, shape);
    const { pool } = this.runtime;
    checkBytes(name, shape, dtype, pool.largest);
    pool.checkLeft(byteSize(sizeOf(shape), dtype));
  }

  /** Memory whose values can be replaced. @throws ShapeError when values do not fill `shape` */
  variable(values: HostArray | Tensor, options: VariableOptions = {}): Variable {
    const initial = values instanceof Tensor ? values : this.tensor(values, options);
    const { shape, dtype } = initial;
    checkBytes('variable', shape, dtype, this.runtime.pool.largest);
    const storage = this.runtime.pool.allocate(byteSize(sizeOf(shape), dtype));
    const name = options.name ?? `variable${this.#variables++}`;
    const state = new VariableState(this, storage, shape, dtype, name, options.trainable ?? isFloat(dtype));
    this.#collected.register(state, storage, state);
    const { source } = initial.node;
    if (source?.kind === 'host') this.#write(storage, source.values, dtype);
    else {
      state.assign(initial.node);
      this.realize();
    }
    return new Variable(state);
  }

  /** Random bits, u32: a pure function of `key` (u32 `[2]`) and the place. */
  randomBits(key: Tensor, shape: Shape): Tensor {
    return randomBits(key, shape);
  }
  /** Uniform on [0, 1), with 24 random bits. */
  randomUniform(key: Tensor, shape: Shape): Tensor {
    return randomUniform(key, shape);
  }
  /** Standard normal. */
  randomNormal(key: Tensor, shape: Shape): Tensor {
    return randomNormal(key, shape);
  }

  // ---- Evaluating ---------------------------------------------------------------------------------------

  /**
   * Submits the computation of these tensors and of every pending assignment, in one go, and keeps the tensors in
   * GPU memory. Does not wait.
   */
  realize(...tensors: readonly Tensor[]): void {
    for (const tensor of tensors) this.checkOwn('realize', tensor);
    this.#evaluate(tensors.map((tensor) => tensor.node));
  }

  /** @internal Evaluates nodes without values, and pending assignments. */
  #evaluate(nodes: readonly GraphNode[]): void {
    if (this.journal !== undefined) {
      throw new ForetokenError(
        'a compiled step cannot read or realize tensors while it is traced; return them instead.',
      );
    }
    const wanted = [...new Set(nodes.filter((node) => node.source === undefined))];
    const assigned = [...this.pendingVariables];
    if (wanted.length === 0 && assigned.length === 0) return;
    const storages = new Plan(this.runtime, { outputs: wanted, assigned, once: true }).run();
    for (const [at, node] of wanted.entries()) this.own(node, storages[at] as Storage);
    this.pendingVariables.clear();
    for (const variable of assigned) variable.markStored();
  }

  /** @internal Gives a result of a compiled step its values. */
  ownResult(node: GraphNode, storage: Storage): void {
    this.own(node, storage);
    this.#movable.add(node);
  }

  /** @internal Gives a node its values, to be freed with the scope or the node. */
  own(node: GraphNode, storage: Storage): void {
    node.settle({ kind: 'storage', storage });
    this.#collected.register(node, storage, node);
    this.#scopes.at(-1)?.add(node);
  }

  /** @internal */
  async read(tensor: Tensor): Promise<HostArray> {
    this.checkOwn('data', tensor);
    const { node } = tensor;
    if (node.source?.kind === 'host') return node.source.values.slice();
    const transient = node.source === undefined || this.#movable.has(node);
    const unevaluated = node.source === undefined;
    const isPendingVariable =
      node.source?.kind === 'variable' && node.source.version !== node.source.variable.storedVersion;
    if (unevaluated || isPendingVariable) this.#evaluate([node]);
    const source = node.source as Source;
    if (source.kind === 'input')
      throw new ForetokenError('data: an input of a compiled step has no values while it is traced.');
    if (source.kind === 'host') return source.values.slice();
    if (source.kind === 'variable' && source.version !== source.variable.storedVersion) {
      throw new ForetokenError(
        `data: variable ${source.variable.name} has been assigned since; read it again.`,
      );
    }
    const storage = source.kind === 'variable' ? source.variable.storage : source.storage;
    const values = fromDeviceBytes(
      await this.runtime.download(storage, byteSize(node.size, node.dtype)),
      node.size,
      node.dtype,
    );
    // Values that were computed to be read need no GPU memory any more.
    if (transient && source.kind === 'storage' && !this.pinned.has(node) && node.source === source) {
      node.source = { kind: 'host', values: values.slice() };
      this.#forget(node, storage);
    }
    return values;
  }

  /**
   * Traces `body` once for each set of input shapes, and afterwards replays the recorded kernels. Everything that
   * changes from run to run must be an input or a variable.
   */
  compile<Inputs extends StepInputs, Output>(
    body: StepFunction<Inputs, Output>,
    options?: CompileOptions,
  ): CompiledStep<Inputs, Output> {
    return new CompiledStep(this, body, options);
  }

  /** Waits for all submitted work. @throws what went wrong in it */
  async sync(): Promise<void> {
    await this.runtime.finish();
  }

  // ---- Memory -------------------------------------------------------------------------------------------

  #write(storage: Storage, values: HostArray, dtype: DType, skippedBytes = 0): void {
    if (values.length === 0) return;
    const offset = storage.offset + skippedBytes;
    this.runtime.gpu.queue.writeBuffer(storage.use(), offset, toDeviceWords(values, dtype));
  }

  #forget(node: GraphNode, storage: Storage): void {
    this.#collected.unregister(node);
    for (const scope of this.#scopes) scope.delete(node);
    storage.release();
  }

  /** @internal */
  disposeNode(node: GraphNode): void {
    if (node.source?.kind === 'storage') this.#forget(node, node.source.storage);
  }

  /** @internal */
  disposeVariable(state: VariableState): void {
    this.#collected.unregister(state);
    this.pendingVariables.delete(state);
    state.storage.release();
  }

  /**
   * Moves variables side by side in GPU memory, so that one kernel can work through all of them: an optimizer packs its
   * parameters. Values stay, and so does everything that was built on them; compiled steps are traced again.
   */
  pack(variables: readonly Variable[]): void {
    const states = [...new Set(variables.map(({ state }) => state))];
    const storages = this.runtime.pool.allocateTogether(
      states.map(({ shape, dtype }) => byteSize(sizeOf(shape), dtype)),
    );
    const encoder = this.runtime.gpu.createCommandEncoder();
    states.forEach((state, at) => {
      const [from, to] = [state.storage, storages[at] as Storage];
      if (to.bytes > 0)
        encoder.copyBufferToBuffer(from.use(), from.offset, to.use(), to.offset, alignUp(to.bytes, 4));
    });
    this.runtime.submit(encoder.finish());
    states.forEach((state, at) => {
      this.#collected.unregister(state);
      state.storage.release();
      state.storage = storages[at] as Storage;
      this.#collected.register(state, state.storage, state);
    });
    this.runtime.pool.trim();
  }

  /** @internal */
  loadVariable(state: VariableState, values: HostArray): void {
    const dtype = dtypeOfHostArray(values);
    const fits = dtype === state.dtype || (dtype === 'f32' && state.dtype === 'f16');
    if (!fits)
      throw new DTypeError(`load: variable ${state.name} is ${state.dtype}, the values are ${dtype}.`);
    if (values.length !== sizeOf(state.shape)) {
      throw new ShapeError(
        `load: variable ${state.name} ${formatShape(state.shape)} takes ${sizeOf(state.shape)} values, got ${values.length}.`,
      );
    }
    this.realize();
    this.#write(state.storage, values, state.dtype);
    state.markOverwritten();
  }

  /** @internal */
  loadVariablePart(state: VariableState, values: HostArray, start: number): void {
    if (state.dtype !== 'f32' || !(values instanceof Float32Array))
      throw new DTypeError(`loadPart: variable ${state.name} is ${state.dtype}; only f32 loads in parts.`);
    const size = sizeOf(state.shape);
    if (!Number.isInteger(start) || start < 0 || start + values.length > size) {
      throw new ShapeError(
        `loadPart: variable ${state.name} has ${size} values, got ${values.length} to put at ${start}.`,
      );
    }
    this.realize();
    this.#write(state.storage, values, state.dtype, start * values.BYTES_PER_ELEMENT);
    state.markOverwritten();
  }

  /** Opens a scope: see `Scope`. */
  openScope(): Scope {
    const nodes = new Set<GraphNode>();
    this.#scopes.push(nodes);
    return {
      keep: (...tensors) => {
        for (const { node } of tensors) {
          if (!nodes.delete(node)) continue;
          this.#scopes[this.#scopes.indexOf(nodes) - 1]?.add(node);
        }
      },
      [Symbol.dispose]: () => {
        const at = this.#scopes.indexOf(nodes);
        if (at >= 0) this.#scopes.splice(at, 1);
        for (const node of nodes) this.disposeNode(node);
      },
    };
  }

  /** Frees the GPU memory that `body` makes, but for variables and the tensors that it returns. */
  scope<Result>(body: () => Result): Result {
    const scope = this.openScope();
    try {
      const result = body();
      scope.keep(...collectTensors(result));
      return result;
    } finally {
      scope[Symbol.dispose]();
    }
  }

  memory(): MemoryReport {
    return this.runtime.pool.report();
  }

  /** @internal @throws ForetokenError when the tensor belongs to another device, DisposedError when it was freed */
  checkOwn(op: string, tensor: Tensor): void {
    const { device, source } = tensor.node;
    if (device !== this) throw new ForetokenError(`${op}: the tensors belong to different devices.`);
    const storage =
      source?.kind === 'storage'
        ? source.storage
        : source?.kind === 'variable'
          ? source.variable.storage
          : undefined;
    if (storage?.released) {
      throw new DisposedError(
        `${op}: a tensor ${formatShape(tensor.shape)} was used after it had been freed (dispose, or the end of a scope).`,
      );
    }
  }

  /** @internal @throws DTypeError when the adapter cannot store elements of this type */
  checkDType(op: string, dtype: DType): void {
    if (dtype !== 'f16' || this.features.has('shader-f16')) return;
    throw new DTypeError(
      `${op}: f16 needs an adapter with the feature shader-f16, and ${this.info.name} has none. Use f32.`,
    );
  }

  /** Frees everything. */
  close(): void {
    this.runtime.close();
  }
}
