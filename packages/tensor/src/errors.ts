import { ForetokenError } from '@foretoken/input';

export { ForetokenError };

/** Shapes or axes do not fit the operation. */
export class ShapeError extends ForetokenError {}

/** An index that names nothing. */
export class IndexError extends ForetokenError {}

/** An element type that the operation does not take. */
export class DTypeError extends ForetokenError {}

/** The GPU went away (driver reset, out of memory, `close()`); every tensor of the device is gone. */
export class DeviceLostError extends ForetokenError {}

/** The adapter could not allocate a buffer, or a buffer would exceed its limits. */
export class OutOfMemoryError extends ForetokenError {}

/** WebGPU refused a command. Always our bug unless the message says otherwise. */
export class ValidationError extends ForetokenError {}

/** No WebGPU adapter on this machine. */
export class AdapterNotFoundError extends ForetokenError {}

/** A tensor, step or device was used after it had been freed. */
export class DisposedError extends ForetokenError {}
