import type { SchemaElement } from 'hyparquet';
import { numberAsWritten, type WrittenNumber } from '../../text/written-number.js';

/** Makes text, numbers and lists of what the library gives for a column. */
type Convert = (value: unknown) => unknown;

/** An integer without its decimal point: 500 with a scale of 2 is `5.00`. */
function decimal(unscaled: bigint, scale: number): number | WrittenNumber {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const text = scale === 0 ? whole : `${whole}.${digits.slice(-scale)}`;
  return numberAsWritten(unscaled < 0n ? `-${text}` : text);
}

/** A signed integer of any number of bytes, the highest first. */
function integerOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(8 * bytes.length, value);
}

/** The shortest decimal number that is this one when it is rounded again. */
function shortest(value: number, digits: number, round: (value: number) => number): number {
  for (let count = 1; count < digits; count++) {
    const near = Number(value.toPrecision(count));
    if (round(near) === value) return near;
  }
  return Number(value.toPrecision(digits));
}

/** The nearest number of 16 bits. */
function roundToHalf(value: number): number {
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(value) || 1)), -14);
  const step = 2 ** (exponent - 10);
  return Math.round(value / step) * step;
}

function halfOf([low = 0, high = 0]: Uint8Array): number {
  const [exponent, fraction] = [(high >> 2) & 0x1f, ((high & 3) << 8) | low];
  const sign = high >> 7 === 1 ? -1 : 1;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  const value = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return sign * shortest(value, 5, roundToHalf);
}

const DAY = 86_400n;

/** Units of a second. */
const UNITS: Readonly<Record<string, bigint>> = { MILLIS: 1000n, MICROS: 1_000_000n, NANOS: 1_000_000_000n };

/** `12:30:00.5`, as many digits as are not 0. */
function timeOfDay(amount: bigint, units: bigint): string {
  const two = (value: bigint): string => String(value).padStart(2, '0');
  const seconds = amount / units;
  const fraction = String(amount % units)
    .padStart(String(units).length - 1, '0')
    .replace(/0+$/, '');
  const clock = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map(two).join(':');
  return fraction === '' ? clock : `${clock}.${fraction}`;
}

/** Days since 1970 as a date; as they are where no calendar has them. */
function dateOf(days: bigint): string {
  const date = new Date(Number(days) * 86_400_000);
  return Number.isNaN(date.getTime()) ? `day ${days}` : date.toISOString().replace(/T.*/, '');
}

function timestamp(amount: bigint, units: bigint, isUtc: boolean): string {
  const perDay = DAY * units;
  const rest = ((amount % perDay) + perDay) % perDay;
  return `${dateOf((amount - rest) / perDay)}T${timeOfDay(rest, units)}${isUtc ? 'Z' : ''}`;
}

const asInteger = (value: unknown): bigint =>
  value instanceof Uint8Array ? integerOf(value) : BigInt(value as number | bigint);

/** Days since 4713 BC and nanoseconds of the day, as older writers store times. */
const JULIAN_1970 = 2_440_588n;

function timestamp96(value: bigint): string {
  const days = (value >> 64n) - JULIAN_1970;
  return timestamp(days * DAY * 1_000_000_000n + (value & 0xffff_ffff_ffff_ffffn), 1_000_000_000n, false);
}

const asText: Convert = (value) =>
  value instanceof Uint8Array ? new TextDecoder('utf-8', { fatal: true }).decode(value) : value;

/** How values of a leaf of the schema become text, where the library does not see to it. */
function conversionOf({ type, converted_type, logical_type, scale }: SchemaElement): Convert | undefined {
  const kind = logical_type?.type ?? converted_type;
  if (kind === 'DECIMAL') {
    const places = (logical_type?.type === 'DECIMAL' ? logical_type.scale : scale) ?? 0;
    return (value) => decimal(asInteger(value), Math.min(Math.max(places, 0), 10_000));
  }
  if (kind === 'DATE') return (value) => dateOf(asInteger(value));
  if (logical_type?.type === 'TIMESTAMP' || logical_type?.type === 'TIME') {
    const units = UNITS[logical_type.unit] as bigint;
    return logical_type.type === 'TIME'
      ? (value) => timeOfDay(asInteger(value), units)
      : (value) => timestamp(asInteger(value), units, logical_type.isAdjustedToUTC);
  }
  const [, what, unit] = /^(TIME|TIMESTAMP)_(MILLIS|MICROS)$/.exec(converted_type ?? '') ?? [];
  const units = UNITS[unit ?? ''];
  if (what === 'TIME' && units !== undefined) return (value) => timeOfDay(asInteger(value), units);
  if (what === 'TIMESTAMP' && units !== undefined) return (value) => timestamp(asInteger(value), units, true);
  if (kind === 'FLOAT16') return (value) => (value instanceof Uint8Array ? halfOf(value) : value);
  if (type === 'FLOAT')
    return (value) => (Number.isFinite(value) ? shortest(value as number, 9, Math.fround) : value);
  const isPlain =
    kind === undefined || kind === 'ENUM' || kind === 'JSON' || kind === 'STRING' || kind === 'UTF8';
  if (type === 'BYTE_ARRAY' && isPlain) return asText;
  return type === 'INT96' ? (value) => timestamp96(value as bigint) : undefined;
}

/** Values inside of lists and fields likewise; what is absent stays so. */
const throughout =
  (convert: Convert): Convert =>
  (value) => {
    if (value === null || value === undefined) return value;
    if (Array.isArray(value)) return value.map(throughout(convert));
    return convert(value);
  };

/** How the values of a leaf are to be read: as they are stored, and what is then made of them. */
export function asStored(element: SchemaElement): {
  readonly element: SchemaElement;
  readonly convert: Convert;
} {
  const convert = conversionOf(element);
  if (convert === undefined) return { element, convert: (value) => value };
  const { converted_type: _, logical_type: __, ...stored } = element;
  return { element: stored, convert: throughout(convert) };
}
