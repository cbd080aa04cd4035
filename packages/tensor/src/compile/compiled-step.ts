import type { Device, TraceJournal } from '../device.js';
import { dtypeOfHostArray, type HostArray } from '../dtype.js';
import { DisposedError, ForetokenError, ShapeError } from '../errors.js';
import type { GraphNode } from '../graph.js';
import { checkRange } from '../ops/indices.js';
import { type KernelTime, profilePlan } from '../runtime/profiler.js';
import type { CompileProgress } from '../runtime/runtime.js';
import type { Storage } from '../runtime/storage.js';
import { formatShape, type Shape, sizeOf } from '../shape.js';
import { Tensor } from '../tensor.js';
import type { VariableState } from '../variable.js';
import { Plan } from './plan.js';

/** Host values of one input, in row-major order. */
export interface HostInput {
  readonly data: HostArray;
  readonly shape: Shape;
}

/** The inputs of a step as it sees them: by name. */
export type StepInputs = Readonly<Record<string, Tensor>>;
export type StepFunction<Inputs extends StepInputs, Output> = (inputs: Inputs) => Output;

export interface CompileOptions {
  /** Named in errors. */
  readonly name?: string;
}

export interface WarmUpOptions {
  /** Whether the ways that kernels can take are timed. Default true; without, rules of thumb decide. */
  readonly tune?: boolean;
  /** Is told how many of the shaders that have to be compiled are done. */
  readonly onProgress?: CompileProgress;
}

export interface StepProfile {
  /** Each dispatch of one run, in order. */
  readonly kernels: readonly KernelTime[];
  readonly dispatches: number;
  /** Working memory of the step. */
  readonly arenaBytes: number;
  /** The most of it that is in use at one time: what no plan for these kernels could do without. */
  readonly liveBytes: number;
  /** The most GPU memory that the device ever held. */
  readonly peakBytes: number;
}

/** Output tensors of a trace, and how to put those of a run in their place. */
interface Trace {
  readonly plan: Plan;
  readonly output: unknown;
  readonly outputs: readonly Tensor[];
  readonly assigned: readonly VariableState[];
  readonly bound: readonly GraphNode[];
  /** Where the variables lie that it reads or assigns. */
  readonly storages: ReadonlyMap<VariableState, Storage>;
  /** The integers that its inputs may hold. */
  readonly ranges: TraceJournal['ranges'];
}

/** Copies a structure of records and arrays, replacing its tensors. */
function mapTensors(value: unknown, replace: (tensor: Tensor) => Tensor): unknown {
  if (value instanceof Tensor) return replace(value);
  if (Array.isArray(value)) return value.map((each) => mapTensors(each, replace));
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mapTensors(each, replace)]));
  }
  return value;
}

const sortedEntries = (inputs: Readonly<Record<string, HostInput>>): [string, HostInput][] =>
  Object.entries(inputs).sort(([a], [b]) => (a < b ? -1 : 1));

/** A function of tensors whose kernels, memory and commands are planned once and replayed. */
export class CompiledStep<Inputs extends StepInputs, Output> {
  readonly #traces = new Map<string, Trace>();
  readonly name: string;

  /** @internal Use `device.compile`. */
  constructor(
    readonly device: Device,
    readonly body: StepFunction<Inputs, Output>,
    options: CompileOptions = {},
  ) {
    this.name = options.name ?? (body.name || 'step');
  }

  /**
   * Runs the step on these inputs and submits it; does not wait. Variables that the step assigns have their new
   * values afterwards.
   *
   * @returns what the traced function returned, with fresh tensors
   */
  run(inputs: { readonly [Name in keyof Inputs]: HostInput }): Output {
    const trace = this.#ready(inputs);
    return this.#finish(trace, trace.plan.run());
  }

  /**
   * Makes everything ready for inputs of these shapes: traces the step, times the ways that its long kernels can take
   * where that has not been done on this adapter (see `device.tuner`), and compiles all kernels side by side. Without
   * it the first `run` traces and compiles, one kernel after the other, and takes rules of thumb.
   */
  async warmUp(
    inputs: { readonly [Name in keyof Inputs]: HostInput },
    { tune = true, onProgress }: WarmUpOptions = {},
  ): Promise<void> {
    const { tuner, tuningBudget, runtime } = this.device;
    const trace = this.#ready(inputs);
    if (tune && tuningBudget > 0 && tuner.hasWork()) {
      // Measurements and working memory need not be there at one time.
      trace.plan.dispose();
      runtime.pool.trim();
      this.#traces.delete(this.#key(inputs));
      await tuner.tune({ budgetMilliseconds: tuningBudget });
      runtime.pool.trim();
    }
    await this.#ready(inputs).plan.compile(onProgress);
  }

  /**
   * Runs the step once with a timestamp around each dispatch.
   *
   * @throws ForetokenError when the adapter has no timestamp queries
   */
  async profile(inputs: { readonly [Name in keyof Inputs]: HostInput }): Promise<StepProfile> {
    if (!this.device.features.has('timestamp-query')) {
      throw new ForetokenError('profile: this adapter has no timestamp queries.');
    }
    const trace = this.#ready(inputs);
    const { storages, kernels } = await profilePlan(this.device.runtime, trace.plan);
    for (const tensor of storages.splice(0)) tensor.release();
    for (const variable of trace.assigned) variable.markOverwritten();
    return {
      kernels,
      dispatches: kernels.length,
      arenaBytes: trace.plan.arenaBytes,
      liveBytes: trace.plan.liveBytes,
      peakBytes: this.device.memory().peakBytes,
    };
  }

  /** Frees the working memory of all traces. */
  dispose(): void {
    for (const { plan } of this.#traces.values()) plan.dispose();
    this.#traces.clear();
  }

  /** Names a set of input shapes. */
  #key(inputs: Readonly<Record<string, HostInput>>): string {
    return sortedEntries(inputs)
      .map(([name, { data, shape }]) => `${name}:${dtypeOfHostArray(data)}${formatShape(shape)}`)
      .join();
  }

  #ready(inputs: Readonly<Record<string, HostInput>>): Trace {
    this.device.realize();
    const entries = sortedEntries(inputs);
    for (const [name, { data, shape }] of entries) {
      if (data.length !== sizeOf(shape)) {
        throw new ShapeError(
          `${this.name}: input ${name} has shape ${formatShape(shape)} but ${data.length} values.`,
        );
      }
    }
    const key = this.#key(inputs);
    let trace = this.#traces.get(key);
    if (trace !== undefined && [...trace.storages].some(([{ storage }, before]) => storage !== before)) {
      trace.plan.dispose();
      trace = undefined;
    }
    if (trace === undefined) {
      trace = this.#trace(entries);
      this.#traces.set(key, trace);
    }
    for (const { source, shape } of trace.bound) {
      const storage =
        source?.kind === 'variable'
          ? source.variable.storage
          : source?.kind === 'storage'
            ? source.storage
            : undefined;
      if (storage?.released) {
        throw new DisposedError(
          `${this.name}: a tensor ${formatShape(shape)} that the step uses has been freed.`,
        );
      }
    }
    for (const { input, range } of trace.ranges)
      checkRange((inputs[input] as HostInput).data, range, `${this.name}: input ${input}: `);
    for (const [name, { data }] of entries) trace.plan.writeInput(name, data);
    return trace;
  }

  /** Puts the results of a run where the traced tensors were. */
  #finish(trace: Trace, storages: readonly Storage[]): Output {
    for (const variable of trace.assigned) variable.markOverwritten();
    const results = new Map<Tensor, Tensor>();
    trace.outputs.forEach((traced, at) => {
      const node = this.device.leaf(traced.shape, traced.dtype, {
        kind: 'storage',
        storage: storages[at] as Storage,
      });
      this.device.ownResult(node, storages[at] as Storage);
      results.set(traced, new Tensor(node));
    });
    return mapTensors(trace.output, (tensor) => results.get(tensor) as Tensor) as Output;
  }

  #trace(entries: readonly [string, HostInput][]): Trace {
    const { device } = this;
    const journal: TraceJournal = { leaves: new Map(), grads: new Map(), ranges: [] };
    const inputs = Object.fromEntries(
      entries.map(([name, { data, shape }]) => {
        const node = device.leaf(shape, dtypeOfHostArray(data), { kind: 'input', name });
        return [name, new Tensor(node)];
      }),
    );
    if (device.journal !== undefined)
      throw new ForetokenError(`${this.name}: a compiled step cannot be run inside another one.`);
    device.journal = journal;
    try {
      const output = this.body(inputs as Inputs);
      if (output instanceof Promise) {
        throw new ForetokenError(`${this.name}: the function of a compiled step must not be asynchronous.`);
      }
      const outputs: Tensor[] = [];
      mapTensors(output, (tensor) => {
        if (!outputs.includes(tensor)) outputs.push(tensor);
        return tensor;
      });
      const assigned = [...device.pendingVariables];
      const plan = new Plan(device.runtime, {
        outputs: outputs.map(({ node }) => node),
        assigned,
        once: false,
      });
      const bound = [...new Set(plan.kernels.flatMap(({ bindings }) => bindings))];
      for (const node of bound) if (node.source?.kind === 'storage') device.pinned.add(node);
      const read = bound.flatMap(({ source }) => (source?.kind === 'variable' ? [source.variable] : []));
      const storages = new Map([...read, ...assigned].map((variable) => [variable, variable.storage]));
      return { plan, output, outputs, assigned, bound, storages, ranges: journal.ranges };
    } finally {
      device.journal = undefined;
      for (const [variable, leafBefore] of journal.leaves) variable.restore(leafBefore);
      for (const [variable, grad] of journal.grads) variable.restoreGrad(grad);
      device.pendingVariables.clear();
    }
  }
}
