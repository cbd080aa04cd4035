import { type Device, openDevice } from '@foretoken/tensor';
import { afterAll, beforeAll } from 'vitest';

/** Opens one device for the test file; read it inside tests as `gpu.device`. */
export function useDevice(): { readonly device: Device } {
  let opened: Device | undefined;
  beforeAll(async () => {
    opened = await openDevice();
  });
  afterAll(() => opened?.close());
  return {
    get device(): Device {
      if (opened === undefined) throw new Error('The device is open only while tests run.');
      return opened;
    },
  };
}
