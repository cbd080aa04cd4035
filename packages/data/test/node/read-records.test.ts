import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, it } from 'vitest';
import { DataFileError } from '../../src/index.js';
import { readRecords } from '../../src/node/index.js';

const folder = mkdtempSync(join(tmpdir(), 'foretoken-data-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function readAll(path: string, columns?: readonly string[]) {
  const records = [];
  for await (const record of readRecords(path, columns === undefined ? {} : { columns })) {
    records.push({ ...record, where: record.where.replace(`${folder}/`, '') });
  }
  return records;
}

const rows = [
  { question: 'Über 5?', answer: '5\n#### 5' },
  { question: 'b', answer: '🙂' },
];
const lines = rows.map((row) => JSON.stringify(row)).join('\n');

describe('readRecords', () => {
  it.each([
    ['a.jsonl', lines],
    ['b.ndjson', `${lines}\n\n`],
    ['c.json', `\uFEFF${lines.replaceAll('\n', '\r\n')}\r\n`],
    ['d.jsonl.gz', gzipSync(lines)],
  ])('reads JSON Lines: %s', async (name, content) => {
    expect(await readAll(write(name, content))).toEqual(
      rows.map((columns, at) => ({ where: `${name}:${at + 1}`, columns })),
    );
  });

  it('reads lines longer than a chunk of the file, cut in the middle of a character', async () => {
    const long = 'ü'.repeat(200_000);
    const path = write('long.jsonl', `{"text":"x${long}"}\n{"text":"${long}"}`);
    expect((await readAll(path)).map(({ columns }) => (columns['text'] as string).length)).toEqual([
      200_001, 200_000,
    ]);
  });

  it('reads a text file as one record', async () => {
    expect(await readAll(write('e.txt', 'one\r\n\r\ntwo\n'))).toEqual([
      { where: 'e.txt', columns: { text: 'one\n\ntwo' } },
    ]);
  });

  it.each(['UNCOMPRESSED', 'SNAPPY'] as const)('reads parquet, %s, a row group at a time', async (codec) => {
    const count = 25;
    const buffer = parquetWriteBuffer({
      columnData: [
        { name: 'question', data: Array.from({ length: count }, (_, at) => `Über ${at}?`), type: 'STRING' },
        { name: 'answer', data: Array.from({ length: count }, (_, at) => BigInt(at)), type: 'INT64' },
        { name: 'other', data: Array.from({ length: count }, () => 'x'), type: 'STRING' },
      ],
      codec,
      rowGroupSize: 10,
    });
    const path = write(`${codec}.parquet`, new Uint8Array(buffer));
    const records = await readAll(path, ['question', 'answer']);
    expect(records).toHaveLength(count);
    expect(records[13]).toEqual({
      where: `${codec}.parquet:row 14`,
      columns: { question: 'Über 13?', answer: 13n },
    });
    expect(Object.keys((await readAll(path))[0]?.columns ?? {})).toEqual(['question', 'answer', 'other']);
    // Where a column is missing, a message has to tell what there is.
    expect(Object.keys((await readAll(path, ['question', 'anser']))[0]?.columns ?? {})).toHaveLength(3);
  });

  it.each([
    [
      'broken.jsonl',
      `${lines}\n{"question": "c", "answer": }`,
      'broken.jsonl:3: not JSON: "{\\"question\\": \\"c\\", \\"answer\\": }". Expected one JSON object a line.',
    ],
    [
      'list.json',
      '[\n{"question": 1}\n]',
      'list.json:1: not JSON: "[". Expected one JSON object a line. This file is JSON over several lines',
    ],
    ['lists.jsonl', '["a", "b"]', 'lists.jsonl:1: holds a list, expected one JSON object a line'],
    ['number.jsonl', '\n\n5', 'number.jsonl:3: holds a number, expected one JSON object'],
    ['empty.jsonl', '', 'empty.jsonl: the file is empty.'],
    ['blank.jsonl', '\n \n', 'blank.jsonl: the file holds no records.'],
    ['blank.txt', '\n \n', 'blank.txt: the file holds no records.'],
    [
      'latin.jsonl',
      Buffer.from('{"a": "ok"}\n{"a": "\xfc"}', 'latin1'),
      'latin.jsonl:2: not UTF-8: byte 19 of the text is 0xfc. Convert the file to UTF-8.',
    ],
    ['plain.jsonl.gz', lines, 'plain.jsonl.gz: not a whole gzip file: incorrect header check.'],
    [
      'cut.jsonl.gz',
      gzipSync(lines).subarray(0, 40),
      'cut.jsonl.gz: not a whole gzip file: unexpected end of file.',
    ],
    ['words.parquet', lines, 'words.parquet: not a readable parquet file: '],
    ['table.csv', 'a,b', 'table.csv: unknown kind of file. Expected .jsonl, .ndjson or .json'],
  ])('says in a line what is wrong with %s', async (name, content, message) => {
    const path = write(name, content);
    const failure = readAll(path);
    await expect(failure).rejects.toThrow(DataFileError);
    await expect(failure).rejects.toThrow(message);
    await failure.catch((error: Error) => expect(error.message.split('\n')).toHaveLength(1));
  });

  it('names the nearest file when there is none', async () => {
    write('train.jsonl', lines);
    await expect(readAll(join(folder, 'tran.jsonl'))).rejects.toThrow(
      "tran.jsonl: there is no such file; did you mean 'train.jsonl'?",
    );
    await expect(readAll(join(folder, 'none', 'train.jsonl'))).rejects.toThrow('and no folder');
    mkdirSync(join(folder, 'sub.jsonl'));
    await expect(readAll(join(folder, 'sub.jsonl'))).rejects.toThrow('sub.jsonl: is no file.');
  });
});
