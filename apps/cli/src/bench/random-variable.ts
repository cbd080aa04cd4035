import { type Device, HostRandom, type Shape, sizeOf, type Variable } from '@foretoken/tensor';

/** A variable of numbers drawn evenly from -1 to 1, the same for the same shape. */
export function randomVariable(device: Device, shape: Shape): Variable {
  const random = new HostRandom(0, ...shape);
  const values = Float32Array.from({ length: sizeOf(shape) }, () => 2 * random.uniform() - 1);
  return device.variable(values, { shape });
}
