import type { Derivation } from '@foretoken/data';
import { deriveCifar10 } from './cifar10.js';
import { deriveStories260K } from './stories260k.js';
import { deriveTinyStories } from './tinystories.js';

/** Makes the files that are read from the published ones in a folder. @throws DataSetError when they do not hold them */
export const derivations: Readonly<Record<Derivation, (folder: string) => void | Promise<void>>> = {
  stories260K: deriveStories260K,
  tinystories: deriveTinyStories,
  cifar10: deriveCifar10,
};
