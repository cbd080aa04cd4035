import { type Device, openDevice } from '@foretoken/tensor';
import { fileTuningStore } from '@foretoken/train';

/** The device of this machine, with what was measured on it before. */
export const openTunedDevice = (): Promise<Device> => openDevice({ tuning: { store: fileTuningStore() } });
