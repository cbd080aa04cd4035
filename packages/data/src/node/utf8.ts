/** Bytes of a character in UTF-8 by its first byte; 0 where none begins so. */
function lengthOf(first: number): number {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/** The lowest and highest second byte behind a first one: overlong forms and surrogates are no UTF-8. */
function secondBytes(first: number): readonly [number, number] {
  if (first === 0xe0) return [0xa0, 0xbf];
  if (first === 0xed) return [0x80, 0x9f];
  if (first === 0xf0) return [0x90, 0xbf];
  return first === 0xf4 ? [0x80, 0x8f] : [0x80, 0xbf];
}

/** Whether bytes from `at` on are a character, the beginning of one that is cut off, or neither. */
function characterAt(
  bytes: Uint8Array,
  at: number,
): { readonly length: number; readonly state: 'whole' | 'cut' | 'bad' } {
  const first = bytes[at] as number;
  const length = lengthOf(first);
  if (length === 0) return { length: 1, state: 'bad' };
  const [low, high] = secondBytes(first);
  for (let place = 1; place < length; place++) {
    const byte = bytes[at + place];
    if (byte === undefined) return { length: place, state: 'cut' };
    if (byte < (place === 1 ? low : 0x80) || byte > (place === 1 ? high : 0xbf))
      return { length: place, state: 'bad' };
  }
  return { length, state: 'whole' };
}

/** Where the first byte stands that is no UTF-8, a character cut off at the end included; the length where there is none. */
export function firstInvalid(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const { length, state } = characterAt(bytes, at);
    if (state !== 'whole') return at;
    at += length;
  }
  return at;
}

/** How many bytes at the end begin a character that the next bytes may complete: 0 to 3. */
export function unfinishedBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte >= 0x80 && byte < 0xc0) continue;
    return characterAt(bytes, bytes.length - back).state === 'cut' ? back : 0;
  }
  return 0;
}
