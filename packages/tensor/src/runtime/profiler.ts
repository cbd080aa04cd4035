import type { Plan } from '../compile/plan.js';
import { byteSize } from '../dtype.js';
import type { Runtime } from './runtime.js';
import { type Storage, USAGE } from './storage.js';

export interface KernelTime {
  /** The operations in the kernel. */
  readonly name: string;
  /** Which of several ways to compute it was chosen. */
  readonly variant: string | undefined;
  readonly microseconds: number;
  /** Size of all buffers that it binds. */
  readonly bytes: number;
  readonly workgroups: readonly [number, number, number];
}

const BYTES_PER_TIMESTAMP = 8;
/** WebGPU's limit for one query set. */
const MAX_QUERIES = 4096;

/** Runs a plan once, each dispatch in a pass of its own between two timestamps. */
export async function profilePlan(
  runtime: Runtime,
  plan: Plan,
): Promise<{ storages: Storage[]; kernels: KernelTime[] }> {
  const { gpu } = runtime;
  const passes = plan.dispatches.length;
  const perSet = MAX_QUERIES / 2;
  const sets = Array.from({ length: Math.ceil(passes / perSet) }, (_, at) =>
    gpu.createQuerySet({ type: 'timestamp', count: 2 * Math.min(perSet, passes - at * perSet) }),
  );
  const resolved = gpu.createBuffer({
    size: Math.max(1, 2 * passes) * BYTES_PER_TIMESTAMP,
    usage: USAGE.queryResolve | USAGE.copySource,
  });
  const collected = runtime.pool.allocate(2 * passes * BYTES_PER_TIMESTAMP, false);
  const storages = plan.run(
    (pass) => ({
      querySet: sets[Math.floor(pass / perSet)] as GPUQuerySet,
      beginningOfPassWriteIndex: 2 * (pass % perSet),
      endOfPassWriteIndex: 2 * (pass % perSet) + 1,
    }),
    (encoder) => {
      sets.forEach((set, at) => {
        encoder.resolveQuerySet(set, 0, set.count, resolved, at * MAX_QUERIES * BYTES_PER_TIMESTAMP);
      });
      if (passes > 0)
        encoder.copyBufferToBuffer(resolved, 0, collected.use(), 0, 2 * passes * BYTES_PER_TIMESTAMP);
    },
  );
  const times = new BigUint64Array(await runtime.download(collected, 2 * passes * BYTES_PER_TIMESTAMP));
  collected.release();
  resolved.destroy();
  for (const set of sets) set.destroy();
  const kernels = plan.dispatches.map(({ kernel, workgroups }, at) => ({
    name: kernel.name,
    variant: kernel.variant,
    microseconds: Number((times[2 * at + 1] as bigint) - (times[2 * at] as bigint)) / 1000,
    bytes: kernel.bindings.reduce((sum, node) => sum + byteSize(node.size, node.dtype), 0),
    workgroups,
  }));
  return { storages, kernels };
}
