import { AdapterNotFoundError, type Device, openDevice } from '@foretoken/tensor';
import { toJson } from '@foretoken/train';
import { buildCommand } from '@stricli/core';
import { installationHere } from '../../../../scripts/installation-here.mjs';
import { type Check, selfTest } from '../self-test.js';

interface Flags {
  readonly json: boolean;
}

interface Diagnosis {
  readonly ok: boolean;
  readonly node: string;
  readonly adapter: {
    readonly name: string;
    readonly vendor: string;
    readonly software: boolean;
    readonly features: readonly string[];
    readonly limits: Readonly<Record<string, number>>;
  } | null;
  readonly checks: readonly Check[];
}

function checkNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const ok = major > 20 || (major === 20 && minor >= 19);
  return {
    name: 'node',
    ok,
    detail: ok ? process.version : `${process.version}; install Node 20.19 or newer`,
  };
}

/** What a person types to get an adapter, on this distribution. */
function howToGetOne(): string {
  const how = installationHere();
  return how === undefined
    ? 'Update the driver of the GPU.'
    : `For a software adapter, run as root: ${how.command}`;
}

async function diagnose(): Promise<Diagnosis> {
  const checks = [checkNode()];
  const node = process.versions.node;
  let device: Device;
  try {
    device = await openDevice();
  } catch (error) {
    if (!(error instanceof AdapterNotFoundError)) throw error;
    checks.push({
      name: 'adapter',
      ok: false,
      detail: `${error.message} ${howToGetOne()}`,
    });
    return { ok: false, node, adapter: null, checks };
  }
  const { name, vendor, software } = device.info;
  checks.push({ name: 'adapter', ok: true, detail: software ? `${name} (software: runs on the CPU)` : name });
  const timestamps = device.features.has('timestamp-query');
  checks.push({
    name: 'timestamps',
    ok: true,
    detail: timestamps
      ? 'available: step.profile() works'
      : 'missing: step.profile() does not work, all else does',
  });
  checks.push(...(await selfTest(device)));
  const adapter = { name, vendor, software, features: [...device.features].sort(), limits: device.limits };
  device.close();
  return { ok: checks.every(({ ok }) => ok), node, adapter, checks };
}

async function doctor(this: void, flags: Flags): Promise<void> {
  const diagnosis = await diagnose();
  if (flags.json) process.stdout.write(toJson(diagnosis));
  else {
    for (const { name, ok, detail } of diagnosis.checks)
      process.stdout.write(`${ok ? '✓' : '✗'} ${name.padEnd(12)} ${detail}\n`);
    const { adapter } = diagnosis;
    if (adapter) {
      process.stdout.write(`  features     ${adapter.features.join(', ')}\n`);
      for (const limit of [
        'maxBufferSize',
        'maxStorageBufferBindingSize',
        'maxStorageBuffersPerShaderStage',
        'maxComputeWorkgroupStorageSize',
      ]) {
        process.stdout.write(`  ${limit.padEnd(32)} ${adapter.limits[limit]?.toLocaleString('en')}\n`);
      }
    }
    process.stdout.write(diagnosis.ok ? 'All is well.\n' : 'Something is wrong: see the lines with ✗.\n');
  }
  if (!diagnosis.ok) process.exitCode = 1;
}

export const doctorCommand = buildCommand<Flags>({
  func: doctor,
  docs: { brief: 'Check Node, adapter, driver and kernels' },
  parameters: { flags: { json: { kind: 'boolean', default: false, brief: 'Print JSON' } } },
});
