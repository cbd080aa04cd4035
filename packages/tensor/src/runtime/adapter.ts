export interface DeviceInfo {
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** Runs on the CPU. */
  readonly software: boolean;
}

const SOFTWARE_NAMES = /llvmpipe|lavapipe|swiftshader|software|basic render|warp/i;

/** What users are told about an adapter. */
export function describeAdapter(adapter: GPUAdapterInfo): DeviceInfo {
  const { vendor, architecture, device, description } = adapter;
  const name = description || device || `${vendor} ${architecture}`.trim() || 'unnamed adapter';
  const software =
    (adapter as { isFallbackAdapter?: boolean }).isFallbackAdapter === true ||
    SOFTWARE_NAMES.test(`${name} ${architecture} ${vendor} ${device}`);
  return { name, vendor, architecture, description, software };
}

/** The size of all subgroups, if the adapter has but one. */
export function subgroupSizeOf(adapter: GPUAdapterInfo): number | undefined {
  const { subgroupMinSize, subgroupMaxSize } = adapter as {
    subgroupMinSize?: number;
    subgroupMaxSize?: number;
  };
  return subgroupMinSize === subgroupMaxSize ? subgroupMinSize : undefined;
}
