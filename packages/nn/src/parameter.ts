import type { Device, HostRandom, Shape, Variable } from '@foretoken/tensor';
import type { Initializer } from './initializers.js';

/**
 * A parameter with its first values. Without a source of randomness they are zeros made on the GPU, which takes no
 * memory of the host: for values that are loaded next.
 */
export function parameter(
  device: Device,
  { name, shape, init }: { readonly name: string; readonly shape: Shape; readonly init: Initializer },
  random: HostRandom | undefined,
): Variable {
  device.checkSize(`parameter ${name}`, shape);
  return random === undefined
    ? device.variable(device.zeros(shape), { name })
    : device.variable(init(shape, random), { shape, name });
}
