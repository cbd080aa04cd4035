import { DisposedError, OutOfMemoryError } from '../errors.js';

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

const SMALLEST = 256;
/** Sizes in steps of a quarter of a power of two: at most a fifth is wasted, and sizes recur. */
export function sizeClass(bytes: number): number {
  if (bytes <= SMALLEST) return SMALLEST;
  const step = 2 ** Math.floor(Math.log2(bytes - 1)) / 4;
  return Math.ceil(bytes / step) * step;
}

/** Free memory beyond this is given back to the system. */
const KEPT_BYTES = 256 * 1024 * 1024;

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

  constructor(readonly device: GPUDevice) {}

  /**
   * @param counted - whether it counts as live: false for the working memory of plans
   * @throws OutOfMemoryError when no buffer of the adapter can be so large
   */
  allocate(bytes: number, counted = true): Storage {
    const size = sizeClass(Math.max(bytes, 4));
    const limit = this.device.limits.maxBufferSize;
    if (bytes > limit) {
      throw new OutOfMemoryError(
        `a tensor of ${bytes} bytes exceeds the adapter's limit of ${limit}. Use smaller tensors or batches.`,
      );
    }
    const reused = this.#free.get(size)?.pop();
    if (reused !== undefined) this.#freeBytes -= size;
    const buffer = reused ?? this.#create(Math.min(size, Math.floor(limit / 4) * 4));
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

  #create(size: number): GPUBuffer {
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
