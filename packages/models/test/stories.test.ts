import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generate } from '../src/index.js';
import { loadPretrained } from '../src/node/index.js';
import { useDevice } from './support/device.js';
import { readJson } from './support/folders.js';

const gpu = useDevice();
const data = process.env['FORETOKEN_DATA'];

/** The text of ids, by the vocabulary of a byte-fallback tokenizer: enough for what this model writes. */
function decode(folder: string, ids: readonly number[]): string {
  const { model } = readJson(join(folder, 'tokenizer.json')) as { model: { vocab: Record<string, number> } };
  const pieces = new Map(Object.entries(model.vocab).map(([piece, id]) => [id, piece]));
  const bytes = ids.flatMap((id) => {
    const piece = pieces.get(id) ?? '';
    const byte = /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1];
    return byte === undefined
      ? [...new TextEncoder().encode(piece.replaceAll('\u2581', ' '))]
      : [Number.parseInt(byte, 16)];
  });
  return new TextDecoder().decode(Uint8Array.from(bytes)).replace(/^ /, '');
}

describe.skipIf(data === undefined)('stories260K', () => {
  it('tells greedily the story that it is known for, letter for letter', async () => {
    const folder = join(data ?? '', 'stories260K');
    const { model } = await loadPretrained(gpu.device, folder);
    const [ids = []] = await generate(model, [[1]], { maxNewTokens: 256, greedy: true });
    const expected = readFileSync(join(folder, 'greedy_sample.txt'), 'utf8');
    expect(decode(folder, ids)).toBe(expected.trimEnd());
    model.dispose();
  });
});
