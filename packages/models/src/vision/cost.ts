import { forwardFlops, parameterCount } from '../cost.js';
import { type ImageClassifierConfig, patchGrid } from './config.js';

const headCount = ({ distillation }: ImageClassifierConfig): number => (distillation === 'head' ? 2 : 1);

/** Numbers in a patch. */
const patchWidth = ({ image, patch }: ImageClassifierConfig): number => image.channels * patch * patch;

/** Patches of an image. */
export function patchCount(config: Pick<ImageClassifierConfig, 'image' | 'patch'>): number {
  const { height, width } = patchGrid(config);
  return height * width;
}

/** Parameters of a whole classifier. */
export function classifierParameterCount(config: ImageClassifierConfig): number {
  const { trunk, classes } = config;
  const { width } = trunk;
  return parameterCount(trunk) + width * (patchWidth(config) + 1) + headCount(config) * classes * (width + 1);
}

/** Multiplications and additions in the matrix products of a forward pass over `batch` images. */
export function classifierFlops(config: ImageClassifierConfig, batch: number): number {
  const { trunk, classes } = config;
  const patches = 2 * batch * patchCount(config) * patchWidth(config) * trunk.width;
  const heads = 2 * batch * headCount(config) * classes * trunk.width;
  return patches + heads + forwardFlops(trunk, { batch, time: trunk.maxPositions, logitRows: 0 });
}
