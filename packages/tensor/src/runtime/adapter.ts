export interface DeviceInfo {
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** Runs on the CPU. */
  readonly software: boolean;
  /** Rules of thumb go by it, where nothing was measured. */
  readonly adapterClass: AdapterClass;
}

/** Software runs on the CPU, integrated GPUs have a few cores and the CPU's memory, discrete ones many and their own. */
export type AdapterClass = 'software' | 'integrated' | 'discrete';

/** WebGPU does not say what kind of GPU an adapter is; these vendors make GPUs that share a chip with the CPU. */
const INTEGRATED_VENDORS = /intel|apple|qualcomm|arm|img|imagination|broadcom|samsung/i;
const DISCRETE_NAMES = /\barc\b|geforce|quadro|rtx|radeon (rx|pro)|instinct/i;

const SOFTWARE_NAMES = /llvmpipe|lavapipe|swiftshader|software|basic render|warp/i;

/** What users are told about an adapter. */
export function describeAdapter(adapter: GPUAdapterInfo): DeviceInfo {
  const { vendor, architecture, device, description } = adapter;
  const name = description || device || `${vendor} ${architecture}`.trim() || 'unnamed adapter';
  const software =
    (adapter as { isFallbackAdapter?: boolean }).isFallbackAdapter === true ||
    SOFTWARE_NAMES.test(`${name} ${architecture} ${vendor} ${device}`);
  const integrated = INTEGRATED_VENDORS.test(vendor) && !DISCRETE_NAMES.test(name);
  const adapterClass = software ? 'software' : integrated ? 'integrated' : 'discrete';
  return { name, vendor, architecture, description, software, adapterClass };
}

/** Workgroups that keep all cores of a GPU busy. */
export const WORKGROUPS_TO_FILL: Readonly<Record<AdapterClass, number>> = {
  software: 4,
  integrated: 32,
  discrete: 128,
};

/** The size of all subgroups, if the adapter has but one. */
export function subgroupSizeOf(adapter: GPUAdapterInfo): number | undefined {
  const { subgroupMinSize, subgroupMaxSize } = adapter as {
    subgroupMinSize?: number;
    subgroupMaxSize?: number;
  };
  return subgroupMinSize === subgroupMaxSize ? subgroupMinSize : undefined;
}
