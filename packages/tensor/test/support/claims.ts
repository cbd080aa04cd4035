// Devices that are told that their adapter is another, so that every variant of a kernel can run on this machine.

import { openGpu } from '#gpu';
import { Device } from '../../src/device.js';

/** What is said of an adapter. */
export interface Claim {
  readonly description: string;
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
  /** Bytes of the largest binding. */
  readonly maxBindingBytes?: number;
}

const opened: Device[] = [];

/** The device of this machine, which takes its adapter for the one that is claimed, but for features `without`. */
export async function deviceThatClaims(
  { maxBindingBytes, ...claim }: Claim,
  without: readonly string[] = [],
): Promise<Device> {
  const adapter = (await openGpu().requestAdapter()) as GPUAdapter;
  const features = ['subgroups', 'timestamp-query', 'shader-f16'] as GPUFeatureName[];
  const gpu = await adapter.requestDevice({
    requiredFeatures: features.filter(
      (feature) => adapter.features.has(feature) && !without.includes(feature),
    ),
  });
  const device = new Device(gpu, { vendor: '', architecture: '', device: '', ...claim } as GPUAdapterInfo);
  if (maxBindingBytes !== undefined) Object.assign(device.runtime.target, { maxBindingBytes });
  opened.push(device);
  return device;
}

export function closeClaimed(): void {
  for (const device of opened.splice(0)) device.close();
}

/** Subgroups cannot be claimed: without them the variant for software adapters is the plain one. */
async function ownSubgroups(): Promise<Claim | undefined> {
  const adapter = (await openGpu().requestAdapter()) as GPUAdapter;
  const { subgroupMinSize, subgroupMaxSize } = adapter.info as Partial<Claim>;
  if (!adapter.features.has('subgroups' as GPUFeatureName)) return undefined;
  if (subgroupMinSize === undefined || subgroupMinSize !== subgroupMaxSize) return undefined;
  return { description: 'llvmpipe', subgroupMinSize, subgroupMaxSize };
}

/** The variants of products, each with an adapter that has it. */
export async function matmulVariants(): Promise<readonly { readonly name: string; readonly claim: Claim }[]> {
  const subgroups = await ownSubgroups();
  return [
    { name: 'registers', claim: { description: 'llvmpipe' } },
    { name: 'shared memory', claim: { description: 'a discrete GPU' } },
    ...(subgroups === undefined ? [] : [{ name: 'subgroups', claim: subgroups }]),
  ];
}

/** Whether the adapter of this machine stores f16. */
export async function hasF16(): Promise<boolean> {
  const adapter = (await openGpu().requestAdapter()) as GPUAdapter;
  return adapter.features.has('shader-f16');
}
