import type { Device } from './device.js';
import type { DType, HostArray } from './dtype.js';
import { DTypeError, ForetokenError, ShapeError } from './errors.js';
import { GraphNode } from './graph.js';
import { assignRows } from './ops/assign-rows.js';
import { leaf } from './ops/leaf.js';
import type { Storage } from './runtime/storage.js';
import { formatShape, type Shape, sameShape } from './shape.js';
import { Tensor } from './tensor.js';

/**
 * The memory of a variable and the assignments to it that have not been evaluated. Each assignment makes a new
 * version. A graph that read version n goes on to mean version n, so it has to be evaluated before, or together
 * with, the assignment that replaces it.
 */
export class VariableState {
  /** The version whose values lie in `storage`. */
  storedVersion = 0;
  /** The newest version, stored or pending. */
  version = 0;
  /** Values of the versions after the stored one. */
  pending = new Map<number, GraphNode>();
  leaf: GraphNode;
  #grad: Tensor | undefined;
  #trainable: boolean;

  constructor(
    readonly device: Device,
    /** Another one after `device.pack`. */
    public storage: Storage,
    readonly shape: Shape,
    readonly dtype: DType,
    readonly name: string,
    trainable: boolean,
  ) {
    this.#trainable = trainable;
    this.leaf = this.#makeLeaf();
  }

  #makeLeaf(): GraphNode {
    const source = { kind: 'variable', variable: this, version: this.version } as const;
    return new GraphNode(this.device, leaf, [], undefined, this.shape, this.dtype, source, this.trainable);
  }

  get trainable(): boolean {
    return this.#trainable;
  }
  set trainable(value: boolean) {
    if (value === this.#trainable) return;
    if (this.device.journal !== undefined) {
      throw new ForetokenError(
        `trainable: variable ${this.name} cannot be frozen or released while a compiled step is traced. Do so before.`,
      );
    }
    this.#trainable = value;
    this.leaf = this.#makeLeaf();
  }

  get grad(): Tensor | undefined {
    return this.#grad;
  }
  set grad(value: Tensor | undefined) {
    const { journal } = this.device;
    if (journal !== undefined && !journal.grads.has(this)) journal.grads.set(this, this.#grad);
    this.#grad = value;
  }

  assign(value: GraphNode): void {
    const { journal } = this.device;
    if (journal !== undefined && !journal.leaves.has(this)) journal.leaves.set(this, this.leaf);
    this.version++;
    this.pending.set(this.version, value);
    this.leaf = this.#makeLeaf();
    this.device.pendingVariables.add(this);
  }

  /** The newest version lies in `storage` now. */
  markStored(): void {
    this.storedVersion = this.version;
    this.pending.clear();
  }

  /** A compiled step wrote to `storage`: what was built on the old values is stale. */
  markOverwritten(): void {
    this.version++;
    this.markStored();
    this.leaf = this.#makeLeaf();
  }

  /** Goes back to how things were before a trace recorded assignments. */
  restore(leafBefore: GraphNode): void {
    this.pending.clear();
    this.leaf = leafBefore;
    this.version = this.storedVersion;
    this.device.pendingVariables.delete(this);
  }

  restoreGrad(grad: Tensor | undefined): void {
    this.#grad = grad;
  }
}

/** A tensor whose memory stays and whose values can be replaced: a parameter, or the state of an optimizer. */
export class Variable extends Tensor {
  readonly state: VariableState;

  constructor(state: VariableState) {
    super();
    this.state = state;
  }

  override get node(): GraphNode {
    return this.state.leaf;
  }
  get name(): string {
    return this.state.name;
  }
  /**
   * Whether `backward()` gives it a gradient. Setting it holds for graphs that are built from then on; compiled steps
   * keep what they traced.
   */
  get trainable(): boolean {
    return this.state.trainable;
  }
  set trainable(value: boolean) {
    this.state.trainable = value;
  }
  /** The sum of the gradients since it was last set to `undefined`. */
  get grad(): Tensor | undefined {
    return this.state.grad;
  }
  set grad(value: Tensor | undefined) {
    this.state.grad = value;
  }

  /** Replaces the values, when the next evaluation runs. */
  assign(value: Tensor): void {
    this.device.checkOwn('assign', value);
    if (!sameShape(value.shape, this.shape) || value.dtype !== this.dtype) {
      throw new (value.dtype === this.dtype ? ShapeError : DTypeError)(
        `assign: variable ${this.name} is ${this.dtype}${formatShape(this.shape)}, the value is ${value.dtype}${formatShape(value.shape)}.`,
      );
    }
    this.state.assign(value.node);
  }

  /**
   * Replaces the rows at `places` (i32 `[count]`) along an axis, when the next evaluation runs, and touches no others:
   * for a cache that grows by a row. A place out of range is left out. What was built on the values before must not be
   * evaluated together with it. f32 only.
   *
   * @param rows - of the shape of the variable, with `count` along the axis
   * @returns the whole variable with its new rows
   * @throws ShapeError, DTypeError, or ForetokenError when an earlier assignment is pending
   */
  assignRows(axis: number, rows: Tensor, places: Tensor): Tensor {
    return assignRows(this, axis, rows, places);
  }

  /** Replaces the values by those of a host array, at once. */
  load(values: HostArray): void {
    this.device.loadVariable(this.state, values);
  }

  /**
   * Replaces the values from place `start` on (in row-major order) by those of a host array, at once: for values that
   * are too many to hold on the host. f32 only.
   */
  loadPart(values: HostArray, start: number): void {
    this.device.loadVariablePart(this.state, values, start);
  }

  /** Frees the memory of the variable. */
  override dispose(): void {
    this.device.disposeVariable(this.state);
  }
}
