import { type Device, openDevice } from '@foretoken/tensor';
import { fileTuningStore } from '@foretoken/train';

/** The device of this machine, with what was measured on it before. */
export const openTunedDevice = (): Promise<Device> => openDevice({ tuning: { store: fileTuningStore() } });

/** The same, which measures nothing and keeps nothing. */
export const openUntunedDevice = (): Promise<Device> => {
  const { load } = fileTuningStore();
  return openDevice({ tuning: { store: { load, save: () => {} }, budgetMilliseconds: 0 } });
};
