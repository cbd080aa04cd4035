// B batch, Tq queries, Tk keys. Masks are lazy: `attention` takes them in as a predicate, they are never stored.
import { type Device, ShapeError, type Tensor } from '@foretoken/tensor';

/** What a token is to the mask; each i32 `[B, T]`. */
export interface TokenMetadata {
  /** Place in the real sequence; a register has its predecessor's. */
  readonly order: Tensor;
  /** Number of the document, -1 for padding. */
  readonly segment: Tensor;
  /** 0 for a real token, another number for each register. All tokens are real when it is absent. */
  readonly slot?: Tensor | undefined;
  /** 1 inside a prompt. No token is when it is absent. */
  readonly prefix?: Tensor | undefined;
}

export interface VisibleOptions {
  /** Tokens of a prompt see the whole prompt. Default false. */
  readonly bidirectional?: boolean;
}

const asQuery = (metadata: Tensor): Tensor => metadata.unsqueeze(1).unsqueeze(3);
const asKey = (metadata: Tensor): Tensor => metadata.unsqueeze(1).unsqueeze(2);

/**
 * Which key each query sees. Within its own document, a real token sees the real tokens up to itself, and with
 * `bidirectional` a token of the prompt sees the whole prompt; a register sees the real tokens up to the one that
 * it follows, and itself. Nothing else sees a register.
 *
 * @returns bool `[B, 1, Tq, Tk]`
 */
export function visible(
  query: TokenMetadata,
  key: TokenMetadata = query,
  { bidirectional = false }: VisibleOptions = {},
): Tensor {
  let real = asKey(key.order).le(asQuery(query.order));
  if (bidirectional && query.prefix !== undefined && key.prefix !== undefined) {
    let both = asQuery(query.prefix).eq(1).and(asKey(key.prefix).eq(1));
    if (query.slot !== undefined) both = both.and(asQuery(query.slot).eq(0));
    real = real.or(both);
  }
  if (key.slot !== undefined) {
    real = asKey(key.slot).eq(0).and(real);
    if (query.slot !== undefined) {
      const itself = asQuery(query.slot)
        .gt(0)
        .and(asQuery(query.slot).eq(asKey(key.slot)));
      real = real.or(itself);
    }
  }
  return asQuery(query.segment).eq(asKey(key.segment)).and(real);
}

/** Each query sees the keys up to its own place; the last query is the last key. bool `[1, 1, Tq, Tk]` */
export function causalMask(device: Device, queries: number, keys: number = queries): Tensor {
  if (keys < queries) throw new ShapeError(`causalMask: ${queries} queries need as many keys, got ${keys}.`);
  const ahead = device.arange(queries, 'i32').add(keys - queries);
  return device
    .arange(keys, 'i32')
    .reshape([1, 1, 1, keys])
    .le(ahead.reshape([1, 1, queries, 1]));
}

/** Causal, but a prompt of the first `prefixLengths` tokens sees itself whole. i32 `[B]` to bool `[B, 1, T, T]` */
export function prefixMask(prefixLengths: Tensor, time: number): Tensor {
  const { device } = prefixLengths;
  const lengths = prefixLengths.reshape([-1, 1, 1, 1]);
  const places = device.arange(time, 'i32');
  const inPrefix = places
    .reshape([1, 1, 1, time])
    .lt(lengths)
    .and(places.reshape([1, 1, time, 1]).lt(lengths));
  return causalMask(device, time).or(inPrefix);
}

/**
 * Each query sees the keys within `size` position ids, its own included, and all that lie ahead; combine with `and()`.
 * i32 `[B, Tq]` and `[B, Tk]` to bool `[B, 1, Tq, Tk]`
 */
export function windowMask(queryPositions: Tensor, keyPositions: Tensor, size: number): Tensor {
  return asQuery(queryPositions).sub(size).lt(asKey(keyPositions));
}

/** Real keys only, for sequences filled up behind. i32 `[B]` to bool `[B, 1, 1, T]`; combine with `and()` */
export function paddingMask(lengths: Tensor, time: number): Tensor {
  return lengths.device
    .arange(time, 'i32')
    .reshape([1, 1, 1, time])
    .lt(lengths.reshape([-1, 1, 1, 1]));
}
