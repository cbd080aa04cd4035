import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { documentsOf } from '@foretoken/data';
import { loadTokenizer, readRecords } from '@foretoken/data/node';
import { loadPretrained } from '@foretoken/models/node';
import { type Device, openDevice } from '@foretoken/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeDocument, evaluatePerplexity, windowsOf } from '../../src/index.js';
import { checkpointFolder } from '../support/tiny-checkpoint.js';

interface Case {
  readonly window: number;
  readonly stride: number | null;
  readonly loss: number;
  readonly perplexity: number;
  readonly tokens: number;
  readonly documents: readonly { readonly total: number; readonly tokens: number }[];
}

/** What PyTorch gives in double precision: tools/fixtures/perplexity.py. */
const expected = JSON.parse(
  readFileSync(new URL('../fixtures/perplexity.json', import.meta.url), 'utf8'),
) as {
  readonly tiny: readonly {
    readonly checkpoint: string;
    readonly documents: readonly (readonly number[])[];
    readonly cases: readonly Case[];
  }[];
  readonly stories: {
    readonly documents: number;
    readonly bytes: number;
    readonly lengths: readonly number[];
    readonly cases: readonly Case[];
  };
};

const data = process.env['FORETOKEN_DATA'];

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** The relative error of f32 sums is far below this; a token scored twice or left out is far above. */
const CLOSE = 2e-6;

describe('windows', () => {
  it('without a stride, have one token in common and score as many as they read', () => {
    expect(windowsOf(8, { window: 3 })).toEqual([
      { start: 0, end: 4, from: 1 },
      { start: 3, end: 7, from: 1 },
      { start: 6, end: 8, from: 1 },
    ]);
    expect(windowsOf(1, { window: 3 })).toEqual([]);
    expect(windowsOf(0, { window: 3 })).toEqual([]);
  });

  it('with a stride, score what no window before has held', () => {
    expect(windowsOf(9, { window: 5, stride: 2 })).toEqual([
      { start: 0, end: 5, from: 1 },
      { start: 2, end: 7, from: 3 },
      { start: 4, end: 9, from: 3 },
    ]);
    expect(windowsOf(4, { window: 5, stride: 2 })).toEqual([{ start: 0, end: 4, from: 1 }]);
  });

  it('score every token but the first exactly once, whatever the sizes', () => {
    for (let length = 0; length < 40; length++) {
      for (let window = 1; window < 12; window++) {
        for (const stride of [undefined, ...Array.from({ length: window - 1 }, (_, at) => at + 1)]) {
          const scored = windowsOf(length, { window, stride }).flatMap(({ start, end, from }) =>
            Array.from({ length: end - start - from }, (_, at) => start + from + at),
          );
          expect(scored).toEqual(Array.from({ length: Math.max(0, length - 1) }, (_, at) => at + 1));
        }
      }
    }
  });
});

describe.each(expected.tiny)(
  'the perplexity of a random $checkpoint',
  ({ checkpoint: name, documents, cases }) => {
    it.each(cases)('is that of PyTorch at window $window, stride $stride', async (wanted) => {
      const { model } = await loadPretrained(device, checkpointFolder(name));
      const { window, stride } = wanted;
      const encoded = documents.map((ids, at) => ({
        where: `document ${at}`,
        ids: Int32Array.from(ids),
        bytes: ids.length,
      }));
      const result = await evaluatePerplexity(model, encoded, {
        window,
        stride: stride ?? undefined,
        batch: 3,
      });
      expect(result.tokens).toBe(wanted.tokens);
      expect(Math.abs(result.loss / wanted.loss - 1)).toBeLessThan(CLOSE);
      expect(result.perplexity).toBe(Math.exp(result.loss));
      result.documents.forEach(({ total, tokens }, at) => {
        const document = wanted.documents[at];
        expect(tokens).toBe(document?.tokens);
        expect(Math.abs(total - (document?.total ?? 0))).toBeLessThan(1e-5 * (1 + (document?.total ?? 0)));
      });
      model.dispose();
    });
  },
);

describe('evaluatePerplexity', () => {
  const document = (length: number) => ({
    where: 'text',
    ids: Int32Array.from({ length }, (_, at) => at % 19),
    bytes: 2 * length,
  });

  it('gives the same bits again, and bits for each byte', async () => {
    const { model } = await loadPretrained(device, checkpointFolder('llama3'));
    const once = await evaluatePerplexity(model, [document(50)], { window: 16, batch: 2 });
    const again = await evaluatePerplexity(model, [document(50)], { window: 16, batch: 2 });
    expect(again).toEqual(once);
    expect(once.bitsPerByte).toBeCloseTo((once.loss * 49) / Math.LN2 / 100, 12);
    expect(once.windows).toHaveLength(4);
    model.dispose();
  });

  it.each([
    [{ window: 33 }, [document(5)], /window of 33 tokens; expected 1 to 32/],
    [{ window: 8, stride: 8 }, [document(5)], /stride of 8; expected 1 to 7/],
    [{}, [document(1)], /no token to score; the documents are empty/],
    [
      {},
      [{ where: 'text', ids: Int32Array.of(1, 19), bytes: 2 }],
      /token id 19 is none of the model's, which are 0 to 18/,
    ],
  ])('refuses %j in one line', async (options, documents, message) => {
    const { model } = await loadPretrained(device, checkpointFolder('llama3'));
    await expect(evaluatePerplexity(model, documents, options)).rejects.toThrow(message);
    model.dispose();
  });
});

describe.skipIf(data === undefined)('stories260K on tinystories', () => {
  const { documents: count, bytes, lengths, cases } = expected.stories;

  it.each(cases)('has the perplexity of PyTorch at window $window, stride $stride', async (wanted) => {
    const folder = join(data ?? '', 'stories260K');
    const tokenizer = loadTokenizer(folder);
    const records = [];
    for await (const record of readRecords(join(data ?? '', 'tinystories', 'valid.txt')))
      records.push(record);
    const texts = documentsOf(records, { column: 'text', separator: '<|endoftext|>' }).slice(0, count);
    const documents = texts.map((text, at) => encodeDocument(tokenizer, text, `story ${at}`));
    expect(documents.map(({ ids }) => ids.length)).toEqual(lengths);
    const { model } = await loadPretrained(device, folder);
    const { window, stride } = wanted;
    const result = await evaluatePerplexity(model, documents, { window, stride: stride ?? undefined });
    expect([result.tokens, result.bytes]).toEqual([wanted.tokens, bytes]);
    expect(Math.abs(result.loss / wanted.loss - 1)).toBeLessThan(CLOSE);
    model.dispose();
  });
});
