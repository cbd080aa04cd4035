export { customGradient, grad } from './autograd.js';
export {
  CompiledStep,
  type CompileOptions,
  type HostInput,
  type StepInputs,
  type StepProfile,
  type WarmUpOptions,
} from './compile/compiled-step.js';
export {
  Device,
  type OpenDeviceOptions,
  openDevice,
  type Scope,
  type TensorOptions,
  type TuningOptions,
  type VariableOptions,
} from './device.js';
export { type DType, dtypeOfHostArray, type HostArray } from './dtype.js';
export {
  AdapterNotFoundError,
  DeviceLostError,
  DisposedError,
  DTypeError,
  ForetokenError,
  IndexError,
  OutOfMemoryError,
  ShapeError,
  ValidationError,
} from './errors.js';
export { narrowToHalves, widenHalves } from './half.js';
export { type AttentionOptions, attention, type HeadCounts, selfAttention } from './ops/attention.js';
export { checkpoint } from './ops/checkpoint.js';
export {
  type CrossEntropyOptions,
  crossEntropy,
  type LinearCrossEntropyOptions,
  linearCrossEntropy,
} from './ops/cross-entropy.js';
export { where } from './ops/elementwise.js';
export { embedding } from './ops/embedding.js';
export type { MatmulOptions } from './ops/matmul.js';
export { concat, stack } from './ops/movement.js';
export { foldIn } from './ops/random.js';
export { softCap } from './ops/soft-cap.js';
export { sumOfSquares } from './ops/sum-of-squares.js';
export { HostRandom, type HostRandomState, randomKey } from './random.js';
export type { DeviceInfo } from './runtime/adapter.js';
export type { KernelTime } from './runtime/profiler.js';
export type { MemoryReport } from './runtime/storage.js';
export { broadcastShapes, formatShape, type Shape, sizeOf } from './shape.js';
export { type NestedArray, Tensor } from './tensor.js';
export type { Question, TuningChoices } from './tune/choices.js';
export type { TuneOptions, TuneReport, TuningStore } from './tune/tuner.js';
export { Variable } from './variable.js';
