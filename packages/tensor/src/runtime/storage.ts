import { byteSize, type DType } from '../dtype.js';
import { DisposedError, OutOfMemoryError } from '../errors.js';
import { formatShape, type Shape, sizeOf } from '../shape.js';

/** WebGPU's flag values, which every implementation shares. */
export const USAGE = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
  queryResolve: 0x200,
} as const;

const STORAGE_USAGE = USAGE.storage | USAGE.copySource | USAGE.copyTarget;

/** GPU memory of one variable, tensor or plan. */
export class Storage {
  #released = false;

  constructor(
    readonly buffer: GPUBuffer,
    /** Bytes in use; the buffer may be larger. */
    readonly bytes: number,
    readonly pool: BufferPool,
    readonly counted: boolean,
    /** Where it begins in the buffer, in bytes: not at 0 where several share one. */
    readonly offset = 0,
  ) {}

  get released(): boolean {
    return this.#released;
  }

  /** The buffer, for a command. @throws DisposedError after `release` */
  use(): GPUBuffer {
    if (this.#released)
      throw new DisposedError('a tensor was used after it had been freed (dispose, or the end of a scope).');
    return this.buffer;
  }

  /** Gives the memory back; commands already submitted still see it. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.pool.take(this);
  }
}

export interface MemoryReport {
  /** Stretches of memory of variables and realized tensors. */
  readonly liveBuffers: number;
  readonly liveBytes: number;
  /** Memory of plans, and free memory kept for the next use. */
  readonly pooledBytes: number;
  /** The most that was ever allocated at once. */
  readonly peakBytes: number;
}

/** The next multiple of `step`. */
export const alignUp = (bytes: number, step: number): number => Math.ceil(bytes / step) * step;

/** @throws OutOfMemoryError when no buffer of the adapter can hold a tensor */
export function checkBytes(op: string, shape: Shape, dtype: DType, largest: number): void {
  const bytes = byteSize(sizeOf(shape), dtype);
  if (bytes <= largest) return;
  throw new OutOfMemoryError(
    `${op}: ${dtype}${formatShape(shape)} takes ${bytes} bytes; a buffer of this adapter has at most ${largest}. Use smaller tensors or batches.`,
  );
}

const SMALLEST = 256;
/** Sizes in steps of a quarter of a power of two: at most a fifth is wasted, and sizes recur. */
export function sizeClass(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const step = 2 ** Math.floor(Math.log2(bytes - 1)) / 4;
  return Math.ceil(bytes / step) * step;
}

/** Free memory beyond this is given back to the system. */
const KEPT_BYTES = 256 * 1024 * 1024;

/** What memory holds before anything is written there, where that is asked for: no ordinary number, and not NaN. */
const POISON = 0x5a5a5a5a;
const POISON_WORDS = 1 << 20;
/** From this size on a buffer is compared with the memory that is left. */
const LARGE = 64 * 1024 * 1024;

export interface PoolOptions {
  /** Fills memory with a pattern before it is used, so that tests see what was never written. */
  readonly poison?: boolean;
  /** Bytes that the adapter can still allocate, where anybody knows. */
  readonly bytesLeft?: () => number;
}

/** Allocates buffers and keeps freed ones for reuse. */
export class BufferPool {
  readonly #free = new Map<number, GPUBuffer[]>();
  /** How many storages share a buffer, for those that several share. */
  readonly #sharers = new Map<GPUBuffer, number>();
  #allocatedBytes = 0;
  #freeBytes = 0;
  #peakBytes = 0;
  #liveBuffers = 0;
  #liveBytes = 0;

  readonly poisoned: boolean;
  readonly #bytesLeft: (() => number) | undefined;

  constructor(
    readonly device: GPUDevice,
    { poison = false, bytesLeft }: PoolOptions = {},
  ) {
    this.poisoned = poison;
    this.#bytesLeft = bytesLeft;
  }

  /** Bytes of the largest buffer. */
  get largest(): number {
    return this.device.limits.maxBufferSize;
  }

  /**
   * @param counted - whether it counts as live: false for the working memory of plans
   * @throws OutOfMemoryError when no buffer of the adapter can be so large
   */
  allocate(bytes: number, counted = true): Storage {
    const size = sizeClass(Math.max(bytes, 4));
    const limit = this.largest;
    if (bytes > limit) {
      throw new OutOfMemoryError(
        `a tensor of ${bytes} bytes exceeds the adapter's limit of ${limit} for a buffer. Use smaller tensors or batches.`,
      );
    }
    const reused = this.#free.get(size)?.pop();
    if (reused !== undefined) this.#freeBytes -= size;
    const buffer = reused ?? this.#create(Math.min(size, Math.floor(limit / 4) * 4));
    if (this.poisoned) this.poison(buffer, 0, buffer.size);
    if (counted) this.#count(bytes);
    return new Storage(buffer, bytes, this, counted);
  }

  /**
   * Storages side by side in one buffer, or in a few where one cannot be so large. A buffer is free again when all who
   * share it are.
   *
   * @param sizes - bytes of each
   */
  allocateTogether(sizes: readonly number[]): Storage[] {
    const { limits } = this.device;
    const limit = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
    const padded = (bytes: number): number =>
      alignUp(Math.max(bytes, 4), limits.minStorageBufferOffsetAlignment);
    const groups: { bytes: number; members: number[] }[] = [];
    sizes.forEach((bytes, at) => {
      const group = groups.at(-1);
      if (group === undefined || group.bytes + padded(bytes) > limit) {
        groups.push({ bytes: padded(bytes), members: [at] });
        return;
      }
      group.bytes += padded(bytes);
      group.members.push(at);
    });
    return groups.flatMap(({ bytes, members }) => {
      if (members.length === 1) return [this.allocate(sizes[members[0] as number] as number)];
      const { buffer } = this.allocate(bytes, false);
      this.#sharers.set(buffer, members.length);
      let offset = 0;
      return members.map((at) => {
        const own = sizes[at] as number;
        const storage = new Storage(buffer, own, this, true, offset);
        offset += padded(own);
        this.#count(own);
        return storage;
      });
    });
  }

  #count(bytes: number): void {
    this.#liveBuffers++;
    this.#liveBytes += bytes;
  }

  /** Fills a stretch of a buffer with the pattern, before what is submitted next. */
  poison(buffer: GPUBuffer, offset: number, bytes: number): void {
    const words = new Uint32Array(Math.min(POISON_WORDS, bytes / 4)).fill(POISON);
    for (let at = 0; at < bytes; at += words.byteLength)
      this.device.queue.writeBuffer(buffer, offset + at, words, 0, Math.min(words.length, (bytes - at) / 4));
  }

  /** @throws OutOfMemoryError when so many bytes are not left, where anybody knows */
  checkLeft(bytes: number): void {
    const left = bytes < LARGE ? undefined : this.#bytesLeft?.();
    if (left === undefined || bytes <= left) return;
    throw new OutOfMemoryError(
      `a buffer of ${bytes} bytes exceeds the ${left} bytes of memory that are left. Use smaller tensors or batches.`,
    );
  }

  #create(size: number): GPUBuffer {
    this.checkLeft(size);
    this.#allocatedBytes += size;
    this.#peakBytes = Math.max(this.#peakBytes, this.#allocatedBytes);
    return this.device.createBuffer({ size, usage: STORAGE_USAGE });
  }

  /** Takes back what a storage held. */
  take(storage: Storage): void {
    const { buffer } = storage;
    if (storage.counted) {
      this.#liveBuffers--;
      this.#liveBytes -= storage.bytes;
    }
    const sharers = this.#sharers.get(buffer) ?? 1;
    if (sharers > 1) {
      this.#sharers.set(buffer, sharers - 1);
      return;
    }
    this.#sharers.delete(buffer);
    if (this.#freeBytes + buffer.size > KEPT_BYTES) {
      this.#allocatedBytes -= buffer.size;
      buffer.destroy();
      return;
    }
    const list = this.#free.get(buffer.size) ?? [];
    list.push(buffer);
    this.#free.set(buffer.size, list);
    this.#freeBytes += buffer.size;
  }

  /** Gives free memory back to the system. */
  trim(): void {
    for (const buffers of this.#free.values()) for (const buffer of buffers) buffer.destroy();
    this.#free.clear();
    this.#allocatedBytes -= this.#freeBytes;
    this.#freeBytes = 0;
  }

  report(): MemoryReport {
    return {
      liveBuffers: this.#liveBuffers,
      liveBytes: this.#liveBytes,
      pooledBytes: this.#allocatedBytes - this.#liveBytes,
      peakBytes: this.#peakBytes,
    };
  }
}
