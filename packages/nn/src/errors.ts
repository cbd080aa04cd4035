import { ForetokenError } from '@foretoken/tensor';

/** A module, optimizer or schedule was given a setting that it cannot have. */
export class ConfigError extends ForetokenError {}

/** A state dict does not fit the variables that it is loaded into. */
export class StateDictError extends ForetokenError {}

/** Bytes that are not a valid safetensors file, or tensors that cannot be written as one. */
export class SafetensorsError extends ForetokenError {}

/** @throws ConfigError unless `value` is a whole number of at least `least` */
export function checkCount(owner: string, name: string, value: number, least = 1): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new ConfigError(`${owner}: ${name} must be a whole number of at least ${least}, got ${value}.`);
  }
}

/** @throws ConfigError unless `low <= value <= high` (below `high` where `open`) */
export function checkRange(
  owner: string,
  name: string,
  value: number,
  low: number,
  high: number,
  open = false,
): void {
  if (!(value >= low && (open ? value < high : value <= high))) {
    const bracket = open ? ')' : ']';
    throw new ConfigError(`${owner}: ${name} must lie in [${low}, ${high}${bracket}, got ${value}.`);
  }
}
