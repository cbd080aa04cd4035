import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  findPublishedDataSet,
  type PublishedDataSet,
  type PublishedFile,
  publishedDataSets,
} from '@foretoken/data';
import { packTar } from 'modern-tar';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deriveCifar10 } from '../src/data-sets/derive/cifar10.js';
import { deriveTinyStories } from '../src/data-sets/derive/tinystories.js';
import { getDataSet } from '../src/data-sets/get.js';
import { stateOf } from '../src/data-sets/state.js';
import { FileServer } from './support/file-server.js';

const data = process.env['FORETOKEN_DATA'];
const TEXT = Buffer.from('{"question":"1 + 1?","answer":"2"}\n'.repeat(100));
const waits = { answer: 2_000, bytes: 150, again: 1 };
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let folder: string;
let server: FileServer;
let mirror: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'data-sets-'));
  vi.stubEnv('FORETOKEN_DATA', join(folder, 'data'));
  server = new FileServer({ 'sums/train.jsonl': TEXT });
  mirror = await server.start();
});

afterEach(async () => {
  await server.stop();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** A data set of one file. */
const sums = (file: Partial<PublishedFile> = {}): PublishedDataSet => ({
  name: 'sums',
  title: 'Sums',
  holds: 'sums',
  licence: 'MIT',
  home: 'https://example.org/sums',
  files: [
    {
      name: 'train.jsonl',
      url: 'https://example.org/train.jsonl',
      bytes: TEXT.length,
      sha256: sha256(TEXT),
      format: 'json-lines',
      fields: ['question', 'answer'],
      lines: 100,
      ...file,
    },
  ],
});

const path = (name = 'train.jsonl'): string => join(folder, 'data/sums', name);
const get = (dataSet = sums(), options = {}) => getDataSet(dataSet, { mirror, waits, ...options });

describe('a download', () => {
  it('puts the file in its place, once', async () => {
    expect((await get()).fetched).toEqual(['train.jsonl']);
    expect(readFileSync(path())).toEqual(TEXT);
    expect(readdirSync(join(folder, 'data/sums'))).toEqual(['train.jsonl']);
    expect(await get()).toMatchObject({ fetched: [], state: { kind: 'whole', checked: ['train.jsonl'] } });
    expect(server.requests).toEqual(['/sums/train.jsonl']);
  });

  it('goes on where it broke off, in this process', async () => {
    server.manner = { breakAfter: 1500 };
    await get();
    expect(readFileSync(path())).toEqual(TEXT);
    expect(server.requests.slice(0, 2)).toEqual(['/sums/train.jsonl', '/sums/train.jsonl bytes=1500-']);
  });

  it('goes on where it broke off, in the next process', async () => {
    server.manner = { stallAfter: 1000 };
    const stop = new AbortController();
    await expect(
      getDataSet(sums(), {
        mirror,
        waits: { ...waits, bytes: 5_000 },
        signal: stop.signal,
        onProgress: () => stop.abort(),
      }),
    ).rejects.toThrow();
    expect(existsSync(path())).toBe(false);
    server.manner = {};
    await get();
    expect(readFileSync(path())).toEqual(TEXT);
    expect(server.requests).toEqual(['/sums/train.jsonl', '/sums/train.jsonl bytes=1000-']);
  });

  it('begins again where the server knows no ranges', async () => {
    mkdirSync(join(folder, 'data/sums'), { recursive: true });
    writeFileSync(path('train.jsonl.left.incomplete'), TEXT.subarray(0, 700));
    server.manner = { ignoresRanges: true };
    await get();
    expect(readFileSync(path())).toEqual(TEXT);
  });

  it('begins again where what was left is of another file', async () => {
    mkdirSync(join(folder, 'data/sums'), { recursive: true });
    writeFileSync(path('train.jsonl.left.incomplete'), 'x'.repeat(700));
    await get();
    expect(readFileSync(path())).toEqual(TEXT);
    expect(server.requests).toEqual(['/sums/train.jsonl bytes=700-', '/sums/train.jsonl']);
  });

  it.each<[string, Partial<PublishedFile>, FileServer['manner'], RegExp]>([
    ['other contents', { sha256: '0'.repeat(64) }, {}, /arrived with other contents than were published/],
    ['another length', { bytes: 99 }, {}, /has 3500 bytes, and the published file has 99: it is another one/],
    ['more than announced', {}, { endless: true }, /should have 3500 bytes, and sends more/],
    [
      'more than is taken',
      { bytes: null, mostBytes: 5000, sha256: null },
      { endless: true },
      /more than the 5000/,
    ],
    ['no such file', {}, { status: 404 }, /status 404/],
    ['a busy server', {}, { status: 503 }, /status 503.*The same command resumes/],
    ['silence', {}, { stallAfter: 0 }, /no bytes for 0.15 seconds/],
    ['other lines', { sha256: null, lines: 99 }, {}, /train.jsonl: has 100 lines, and should have 99/],
    ['other fields', { sha256: null, fields: ['options'] }, {}, /train.jsonl:1: has no field options/],
  ])('is refused in one line and leaves no file: %s', async (_, file, manner, message) => {
    server.manner = manner;
    const error = await get(sums(file)).catch((each: unknown) => each);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toMatch(/^sums: [^\n]*$/);
    expect(existsSync(path())).toBe(false);
  });

  it('leaves no empty folders behind, and says what to do without a network', async () => {
    await server.stop();
    await expect(get()).rejects.toThrow(/cannot be reached \(ECONNREFUSED\)\..*FORETOKEN_DATA/);
    expect(readdirSync(folder)).toEqual([]);
    await server.start();
  });

  it('takes a file whose digest nobody has published by its lines', async () => {
    const outcome = await get(sums({ sha256: null, bytes: null, mostBytes: 10_000 }));
    expect(outcome.state).toMatchObject({ kind: 'whole', unchecked: ['train.jsonl'] });
  });
});

describe('what is there', () => {
  it('is used, packed otherwise or not at all', async () => {
    const images = sums({ name: 'images.gz', sha256: 'ab'.repeat(32), unpackedSha256: sha256(TEXT) });
    mkdirSync(join(folder, 'data/sums'), { recursive: true });
    for (const [name, bytes] of [
      ['images.gz', gzipSync(TEXT, { level: 1 })],
      ['images', TEXT],
    ] as const) {
      writeFileSync(path(name), bytes);
      expect(await stateOf(images)).toMatchObject({ kind: 'whole', checked: [name] });
      rmSync(path(name));
    }
  });

  it('is not overwritten when it is something else', async () => {
    mkdirSync(join(folder, 'data/sums'), { recursive: true });
    writeFileSync(path(), 'my own');
    await expect(get()).rejects.toThrow(/sums\/train.jsonl is not the published file. Move it away/);
    expect(readFileSync(path(), 'utf8')).toBe('my own');
  });

  it('may be a smaller version, until the whole is wanted', async () => {
    const small = Buffer.from('{}\n');
    const dataSet: PublishedDataSet = {
      ...sums(),
      cut: { folder: 'sums-small', holds: 'one', files: [{ name: 'one.jsonl', sha256: sha256(small) }] },
    };
    mkdirSync(join(folder, 'data/sums-small'), { recursive: true });
    writeFileSync(join(folder, 'data/sums-small/one.jsonl'), small);
    expect(await get(dataSet)).toMatchObject({ fetched: [], state: { kind: 'cut' } });
    expect(await get(dataSet, { whole: true })).toMatchObject({ state: { kind: 'whole' } });
  });
});

it('every published file has an address by https, a licence, and a digest or a number of lines', () => {
  for (const { files, licence } of publishedDataSets) {
    expect(licence).not.toBe('');
    for (const { url, sha256: digest, bytes, lines, mostBytes } of files) {
      expect(url).toMatch(/^https:\/\//);
      if (digest === null)
        expect([bytes, lines, mostBytes]).toEqual([null, expect.any(Number), expect.any(Number)]);
      else expect([digest, bytes]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), expect.any(Number)]);
    }
  }
});

it('TinyStories is cut into stories to train on and stories to watch', () => {
  const story = (number: number): string => `Story ${number}.\n\nThe end.`;
  const text = Array.from({ length: 4210 }, (_, number) => `\n${story(number)}\n<|endoftext|>`).join('');
  mkdirSync(join(folder, 'data/tinystories'), { recursive: true });
  writeFileSync(join(folder, 'data/tinystories/TinyStories-valid.txt'), text);
  deriveTinyStories(join(folder, 'data/tinystories'));
  const storiesOf = (name: string): string[] =>
    readFileSync(join(folder, 'data/tinystories', name), 'utf8').split('\n<|endoftext|>\n');
  expect(storiesOf('train.txt')).toHaveLength(4001);
  expect(storiesOf('train.txt')[3999]).toBe('Story 3999.\nThe end.');
  expect(storiesOf('valid.txt').slice(0, 1)).toEqual(['Story 4000.\nThe end.']);
  expect(storiesOf('valid.txt')).toHaveLength(201);
});

it('CIFAR-10 is taken out of its archive, file by file', async () => {
  const names = [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`).concat('test_batch.bin');
  const archive = async (size: number): Promise<Uint8Array> =>
    gzipSync(
      await packTar([
        { header: { name: 'cifar-10-batches-bin/readme.html', size: 1 }, body: '!' },
        { header: { name: '../../data_batch_1.bin', size: 1 }, body: '!' },
        ...names.map((name) => ({
          header: { name: `cifar-10-batches-bin/${name}`, size },
          body: new Uint8Array(size).fill(7),
        })),
      ]),
    );
  mkdirSync(path('.'), { recursive: true });
  writeFileSync(path('cifar-10-binary.tar.gz'), await archive(3));
  await expect(deriveCifar10(path('.'), 4)).rejects.toThrow(/holds no whole data_batch_1\.bin/);
  expect(readdirSync(path('.'))).toEqual(['cifar-10-binary.tar.gz']);
  writeFileSync(path('cifar-10-binary.tar.gz'), await archive(4));
  await deriveCifar10(path('.'), 4);
  expect(readdirSync(path('.'))).toEqual(names);
  expect(readdirSync(join(folder, 'data'))).toEqual(['sums']);
});

describe.skipIf(data === undefined)('with the data at hand', () => {
  it('stories260K is made of the files of llama2.c, with the same bytes', async () => {
    const name = 'stories260K';
    for (const file of ['stories260K.bin', 'tok512.bin'])
      server.files[`${name}/${file}`] = readFileSync(join(data as string, name, file));
    const { state } = await get(findPublishedDataSet(name));
    expect(state).toMatchObject({ kind: 'whole', different: [], missing: [] });
    expect(state.checked).toHaveLength(6);
  });

  it('a data set is known by its digests', async () => {
    cpSync(join(data as string, 'tinystories'), join(folder, 'data/tinystories'), { recursive: true });
    expect((await stateOf(findPublishedDataSet('tinystories') as PublishedDataSet)).kind).toBe('cut');
    writeFileSync(join(folder, 'data/tinystories/train.txt'), 'my own stories');
    expect((await stateOf(findPublishedDataSet('tinystories') as PublishedDataSet)).kind).toBe('whole');
  });
});
