import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, it } from 'vitest';
import { columnText, parseJsonLines, TextTask } from '../../src/index.js';
import { loadCorpusTask, readDocuments, readRecords } from '../../src/node/index.js';
import { gpt2 } from '../support/tokenizers.js';

const folder = mkdtempSync(join(tmpdir(), 'foretoken-written-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const NUMBERS = [
  '9007199254740993',
  '12345678901234567890',
  '5.00',
  '1e21',
  '1E5',
  '-0',
  '0.1',
  '1e400',
  '0.10',
  '7',
];

describe('numbers of JSON', () => {
  it('become text as they are written', () => {
    const lines = NUMBERS.map(
      (number) => `{"answer": ${number}, "list": [1, ${number}], "nested": {"a": ${number}}}`,
    );
    const records = parseJsonLines(lines.join('\n'), 'x.jsonl');
    expect(records.map((record) => columnText(record, 'answer'))).toEqual(NUMBERS);
    expect(records.map((record) => columnText(record, 'list'))).toEqual(NUMBERS.map((each) => `1 ${each}`));
  });

  it('are learned and scored as they are written', () => {
    const train = parseJsonLines(NUMBERS.map((each) => `{"q": "Copy", "a": ${each}}`).join('\n'), 'x.jsonl');
    const task = new TextTask({ template: '{q}: {a}', validationShare: 0 }, { tokenizer: gpt2(), train });
    const examples = Array.from({ length: NUMBERS.length }, (_, at) => task.question('train', at));
    expect(examples.map(({ references }) => references[0]?.trim())).toEqual(NUMBERS);
    expect(task.decode(examples[1]?.ids ?? [])).toBe('Copy: 12345678901234567890');
  });

  it('do not disturb the text beside them', () => {
    const [record] = parseJsonLines(
      '{"a": "x \\ud83d\\ude42 \\" 5.00", "n": 5.00, "n": 6.0, "b": null}',
      'x.jsonl',
    );
    expect(record?.columns['a']).toBe('x 🙂 " 5.00');
    expect(String(record?.columns['n'])).toBe('6.0');
  });
});

type Column = Parameters<typeof parquetWriteBuffer>[0]['columnData'][number];

const element = (name: string, fields: object): object => ({ name, repetition_type: 'OPTIONAL', ...fields });

async function written(fields: object, data: readonly unknown[], options: object = {}): Promise<unknown[]> {
  const schema = [{ name: 'root', num_children: 1 }, element('value', fields)];
  const buffer = parquetWriteBuffer({
    columnData: [{ name: 'value', data } as unknown as Column],
    schema: schema as never,
    ...options,
  });
  const path = write('value.parquet', new Uint8Array(buffer));
  return (await all(readRecords(path))).map((record) =>
    record.columns['value'] === null || record.columns['value'] === undefined
      ? null
      : columnText(record, 'value'),
  );
}

describe('values of parquet', () => {
  it.each([
    [
      'float32',
      { type: 'FLOAT' },
      [0.1, 5, 1e10, 1 / 3, 16777216],
      ['0.1', '5', '10000000000', '0.33333334', '16777216'],
    ],
    ['float64', { type: 'DOUBLE' }, [0.1, 1 / 3], ['0.1', '0.3333333333333333']],
    ['int64', { type: 'INT64' }, [9007199254740993n, -1n], ['9007199254740993', '-1']],
    [
      'uint64',
      { type: 'INT64', converted_type: 'UINT_64' },
      [18446744073709551615n],
      ['18446744073709551615'],
    ],
    [
      'decimal of 32 bits',
      { type: 'INT32', converted_type: 'DECIMAL', scale: 2, precision: 9 },
      [5, -0.05],
      ['5.00', '-0.05'],
    ],
    [
      'decimal of 64 bits',
      { type: 'INT64', converted_type: 'DECIMAL', scale: 3, precision: 18 },
      [1234.5],
      ['1234.500'],
    ],
    ['date', { type: 'INT32', converted_type: 'DATE' }, [new Date('2024-02-29T00:00:00Z')], ['2024-02-29']],
    [
      'timestamp',
      { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
      [new Date('2024-02-29T12:30:05.250Z'), new Date('1969-12-31T23:59:59Z')],
      ['2024-02-29T12:30:05.25Z', '1969-12-31T23:59:59Z'],
    ],
    ['text', { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, ['ü 🙂', null], ['ü 🙂', null]],
    ['bytes that are text', { type: 'BYTE_ARRAY' }, [new TextEncoder().encode('über')], ['über']],
    ['json', { type: 'BYTE_ARRAY', converted_type: 'JSON' }, [{ a: 5 }], ['{"a":5}']],
  ])('%s', async (_, fields, data, expected) => {
    expect(await written(fields, data)).toEqual(expected);
    // The same value often: a dictionary.
    const many = await written(
      fields,
      Array.from({ length: 300 }, (__, at) => data[at % data.length]),
    );
    expect(new Set(many)).toEqual(new Set(expected));
  });
});

const BOM = '\uFEFF';

describe('a byte order mark', () => {
  it.each([
    ['bom.jsonl', `${BOM}{"text":"Once"}\r\n{"text":"upon"}\r\n`, ['Once', 'upon']],
    ['bom.txt', `${BOM}Once\r\n\r\nupon\r\n`, ['Once', 'upon']],
    ['inside.txt', `Once\n\n${BOM}upon`, ['Once', 'upon']],
  ])('is no part of the text: %s', async (name, content, texts) => {
    const documents = await all(readDocuments(write(name, content), { column: 'text', separator: '\n\n' }));
    expect(documents.map(({ text }) => text)).toEqual(texts);
  });
});

describe('the text that is held out', () => {
  it.each([
    ['🙂'.repeat(50), /^🙂+$/u],
    ['👩‍👩‍👧'.repeat(50), /^(👩‍👩‍👧)+$/u],
    ['e\u0301'.repeat(50), /^(e\u0301)+$/u],
  ])('is cut between characters: %s', async (text, whole) => {
    for (const validationShare of [0.03, 0.11, 0.33]) {
      const files = { train: write('emoji.txt', text) };
      const task = await loadCorpusTask({ files, validationShare, time: 4096 }, gpt2());
      for (const split of ['train', 'validation'] as const) {
        const { tokens, lengths } = task.batch(split, 0, 1);
        expect(task.decode(tokens.subarray(0, lengths[0]))).toMatch(whole);
      }
    }
  });
});

describe('documents of a file', () => {
  it('may be more than a call takes arguments', async () => {
    const path = write('many.txt', Array.from({ length: 200_000 }, (_, at) => `d${at % 10}`).join('\n\n'));
    const task = await loadCorpusTask({ files: { train: path }, separator: '\n\n', time: 64 }, gpt2());
    expect(task.reports.train.documents + task.reports.validation.documents).toBe(200_000);
  });

  it('are the same whether the file is read in pieces or as records', async () => {
    const text = Array.from({ length: 300 }, (_, at) => `Story ${at}.\n\n\n${'the ü '.repeat(at)}end`).join(
      '\n\n',
    );
    const path = write('stories.txt', text.replaceAll('\n', '\r\n'));
    const line = write('stories.jsonl', JSON.stringify({ text }));
    const settings = { column: 'text', separator: '\n\n' };
    const [pieces, record] = [
      await all(readDocuments(path, settings)),
      await all(readDocuments(line, settings)),
    ];
    expect(pieces.map((each) => each.text)).toEqual(record.map((each) => each.text));
    expect(pieces[2]).toMatchObject({ where: path, number: 3 });
  });
});
