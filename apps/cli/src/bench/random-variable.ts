import { type Device, HostRandom, type Shape, sizeOf, type Variable } from '@foretoken/tensor';
import { checkMemory } from '@foretoken/train';

/** A variable of numbers drawn evenly from -1 to 1, the same for the same shape. */
export function randomVariable(device: Device, shape: Shape): Variable {
  // Drawn here, then copied to the adapter; an element of a list is 8 bytes.
  checkMemory(16 * sizeOf(shape), `a tensor [${shape.join(', ')}] takes`);
  const random = new HostRandom(0, ...shape);
  const values = Float32Array.from({ length: sizeOf(shape) }, () => 2 * random.uniform() - 1);
  return device.variable(values, { shape });
}
