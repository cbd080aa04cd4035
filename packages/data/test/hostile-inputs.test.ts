// Files and settings as nobody means them: each is refused in one line, soon, and with little memory.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InputError } from '@foretoken/input';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, it, vi } from 'vitest';
import {
  CorpusTask,
  checkImageTokens,
  DataError,
  parseCorpusConfig,
  parseImageConfig,
  parseImageTokensConfig,
  parseStarGraphConfig,
  parseTextConfig,
  StarGraphTask,
  TextTask,
  TextTokenizer,
  type TokenizerFiles,
} from '../src/index.js';
import { loadCorpusTask, loadImages, loadTokenizer, readDocuments, readRecords } from '../src/node/index.js';
import { type ParquetClaims, parquetFile } from './support/parquet-file.js';
import { recordsOf } from './support/records.js';
import { gpt2, gpt2Files, llama2Files } from './support/tokenizers.js';

// What takes for ever here is stopped after a fifth of a second.
vi.mock('@foretoken/input', async (original) => {
  const input = await original<typeof import('@foretoken/input')>();
  const withTimeLimit: typeof input.withTimeLimit = (work, limit) =>
    input.withTimeLimit(work, { ...limit, milliseconds: 200 });
  return { ...input, withTimeLimit };
});

const SECONDS = 10;
const LONGEST_MESSAGE = 700;

const folder = mkdtempSync(join(tmpdir(), 'foretoken-hostile-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Expects that work is refused in one line, by an error that was meant. */
async function expectRefusal(work: () => unknown, message: RegExp): Promise<void> {
  const start = performance.now();
  let refusal: unknown;
  try {
    await work();
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toSatisfy(
    (error) => error instanceof DataError || error instanceof InputError,
    String(refusal),
  );
  const text = (refusal as Error).message;
  expect(text).toMatch(message);
  expect(text).not.toMatch(/[\n\r]/);
  expect(text.length).toBeLessThan(LONGEST_MESSAGE);
  expect(performance.now() - start).toBeLessThan(1000 * SECONDS);
}

async function readAll(path: string): Promise<number> {
  let count = 0;
  for await (const _ of readRecords(path)) count++;
  return count;
}

let files = 0;

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, `${files++}-${name}`);
  writeFileSync(path, content);
  return path;
}

const HUGE = 'x'.repeat(4_000_000);
const DEEP = 100_000;

describe('data files', () => {
  it.each<readonly [string, string | Uint8Array, RegExp]>([
    ['deep-list.jsonl', `{"text": ${'['.repeat(DEEP)}${']'.repeat(DEEP)}}`, /nested deeper than 100 levels/],
    ['deep-object.jsonl', '{"a":'.repeat(DEEP), /nested deeper than 100 levels/],
    ['proto.jsonl', '{"__proto__": {"text": "a"}}', /has a field "__proto__"/],
    ['escaped-proto.jsonl', '{"\\u005f_proto__": 5}', /has a field "__proto__"/],
    ['nested-proto.jsonl', '{"a": [{"__proto__": 5}]}', /has a field "__proto__"/],
    ['null.jsonl', 'null', /holds null, expected one JSON object/],
    ['cut.jsonl', '{"text": "a', /:1: not JSON: /],
    ['nan.jsonl', '{"text": NaN}', /:1: not JSON: /],
    ['zero.jsonl', '{"text": 01}', /:1: not JSON: /],
    ['long-line.jsonl', `{"text": ${HUGE}}`, /not JSON: .*4,000,010 characters/],
    ['lines.json', '[\n{}\n]', /JSON over several lines/],
    ['control.jsonl', '{"a": "\u0001"}', /not JSON/],
    ['overlong.txt', Buffer.from([0x61, 0xc0, 0x80]), /:1: not UTF-8: byte 1 of the text is 0xc0/],
    ['surrogate.txt', Buffer.from([0x61, 0x0a, 0xed, 0xa0, 0x80]), /:2: not UTF-8: byte 2 /],
    ['beyond.txt', Buffer.from([0xf5, 0x80, 0x80, 0x80]), /:1: not UTF-8: byte 0 /],
    ['cut.txt', Buffer.from('ü🙂').subarray(0, 4), /:1: not UTF-8: byte 2 /],
    ['utf16.txt', Buffer.from('\uFEFFone', 'utf16le'), /It looks like UTF-16/],
    ['bomb.txt.gz', gzipSync(Buffer.alloc(70_000_000)), /unpacks to more than 67,108,864 bytes/],
    ['bomb.jsonl.gz', gzipSync(Buffer.alloc(70_000_000)), /unpacks to more than 67,108,864 bytes/],
    ['cut.txt.gz', gzipSync(HUGE).subarray(0, 200), /not a whole gzip file/],
    ['plain.txt.gz', 'plain', /not a whole gzip file/],
    ['empty.txt.gz', gzipSync(''), /holds no records/],
    ['table.csv', 'a,b', /unknown kind of file/],
    ['cut.parquet', parquetFile().subarray(0, 60), /not a readable parquet file/],
    ['tiny.parquet', 'PAR1', /not a readable parquet file/],
    ['footer.parquet', Buffer.from('PAR1xxxx\xff\xff\xff\x7fPAR1', 'latin1'), /not a readable parquet file/],
    [
      'thrift.parquet',
      Buffer.concat([Buffer.alloc(200_000, 0x1c), Buffer.from([64, 13, 3, 0]), Buffer.from('PAR1')]),
      /not a readable parquet/,
    ],
  ])('%s', async (name, content, message) => {
    await expectRefusal(() => readAll(write(name, content)), message);
  });

  it.each<readonly [string, ParquetClaims, RegExp]>([
    ['rows', { rows: 10n ** 12n }, /a row group says 1000000000000 rows, the limit is 16,777,216/],
    ['negative rows', { rows: -1 }, /a row group says -1 rows/],
    ['rows that are not there', { rows: 5_000_000 }, /a group of 5000000 rows has 1 of column text/],
    ['values of a page', { pageValues: 2 ** 31 - 1 }, /a page has values 2147483647, the limit is/],
    ['negative values', { pageValues: -5 }, /a page has values -5/],
    ['bytes of a page', { pageSize: 2 ** 31 - 1, codec: 1 }, /a page has bytes 2147483647, the limit is/],
    ['bytes of a packed page', { packedSize: 2 ** 31 - 1 }, /a page takes bytes 2147483647/],
    [
      'a repeated level',
      { page: [5, 0, 0, 0, 254, 255, 255, 255, 15, 1] },
      /a run of \d+ values|levels take bytes/,
    ],
    [
      'many packed levels',
      { page: [6, 0, 0, 0, 255, 255, 255, 255, 15, 1] },
      /a run of 17179869176 values|levels/,
    ],
    ['levels longer than the page', { page: [255, 255, 255, 255, 2, 1] }, /levels take bytes 4294967295/],
    [
      'bits of an index',
      { encoding: 8, page: [2, 0, 0, 0, 2, 1, 77, 2, 0] },
      /values are said to have 77 bits/,
    ],
    [
      'a repeated index',
      { encoding: 8, page: [2, 0, 0, 0, 2, 1, 1, 254, 255, 255, 255, 7, 0] },
      /a run of 1073741823 values/,
    ],
    ['values of a dictionary', { dictionaryValues: 2 ** 31 - 1 }, /a dictionary has values 2147483647/],
    ['bytes of a value', { type: 7, typeLength: 2 ** 31 - 1 }, /values have bytes 2147483647/],
    ['bytes of a column', { chunkSize: 10n ** 15n }, /is said to lie from byte 4 to 1000000000000004/],
    ['place of a column', { offset: -50 }, /is said to lie from byte -50/],
    ['fields', { children: 2 ** 31 - 1 }, /not a readable parquet file/],
    ['an unknown codec', { codec: 3 }, /not a readable parquet file/],
    ['an unknown encoding', { encoding: 99 }, /not a readable parquet file/],
  ])('parquet that claims %s', async (_, claims, message) => {
    expect(await readAll(write('whole.parquet', parquetFile()))).toBe(1);
    await expectRefusal(() => readAll(write('claims.parquet', parquetFile(claims))), message);
  });

  it('a parquet file with any byte changed is read or refused', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `name ${at % 3}`);
    const numbers = names.map((_, at) => (at % 4 === 0 ? null : at));
    const buffer = parquetWriteBuffer({
      columnData: [
        { name: 'text', data: names, type: 'STRING' },
        { name: 'n', data: numbers, type: 'INT32' },
      ],
      statistics: false,
    });
    const whole = new Uint8Array(buffer);
    const path = join(folder, 'changed.parquet');
    for (let at = 0; at < whole.length; at++) {
      const changed = whole.slice();
      changed[at] = [0xff, 0x7f, 0x00, 0x80][at % 4] as number;
      writeFileSync(path, changed);
      await readAll(path).catch((error: unknown) => {
        expect(error).toBeInstanceOf(DataError);
        expect((error as Error).message).not.toContain('\n');
      });
    }
  }, 60_000);
});

describe('paths', () => {
  const linked = (target: string, name: string): string => {
    const path = join(folder, name);
    symlinkSync(target, path);
    return path;
  };
  const pipe = join(folder, 'pipe.jsonl');
  execFileSync('mkfifo', [pipe]);
  mkdirSync(join(folder, 'folder.txt'));

  it.each([
    ['a device', linked('/dev/zero', 'zero.txt'), /is no file/],
    ['a device of JSON', linked('/dev/zero', 'zero.jsonl'), /is no file/],
    ['a device of parquet', linked('/dev/zero', 'zero.parquet'), /is no file/],
    ['a pipe', pipe, /is no file/],
    ['a folder', join(folder, 'folder.txt'), /is no file/],
    ['a link to nothing', linked(join(folder, 'nothing'), 'broken.txt'), /there is no such file/],
    ['nothing', join(folder, 'none', 'x.txt'), /and no folder/],
    ['a name with a NUL', 'x\0.txt', /there is no such file/],
    ['a name that is too long', `${'x'.repeat(100_000)}.txt`, /there is no such file/],
    ['a name of two lines', join(folder, 'two\nlines.txt'), /two\\u\{a\}lines/],
    ['an empty file', linked('/dev/null', 'null.txt'), /is no file/],
  ])('%s', async (_, path, message) => {
    await expectRefusal(() => readAll(path), message);
    if (!path.includes('json')) {
      await expectRefusal(async () => {
        for await (const __ of readDocuments(path, { column: 'text', separator: null })) break;
      }, message);
    }
  });

  it('a folder of a name that is too long', async () => {
    await expectRefusal(() => loadTokenizer(HUGE), /there is no such folder/);
    await expectRefusal(() => loadImages('mnist', HUGE), /there is no folder/);
  });

  it('a tokenizer from a device or a pipe', async () => {
    for (const target of ['/dev/zero', pipe]) {
      const model = mkdtempSync(join(folder, 'model-'));
      symlinkSync(target, join(model, 'tokenizer.json'));
      await expectRefusal(() => loadTokenizer(model), /is no file/);
    }
  });
});

const idx = (header: readonly number[], ...data: readonly number[]): Uint8Array =>
  Uint8Array.from([...header, ...data]);
/** 300 million zeros, packed as ten parts. */
const ZEROS = Buffer.concat(new Array(10).fill(gzipSync(Buffer.alloc(30_000_000))));
const BIG = [0xff, 0xff, 0xff, 0xff];

describe('images', () => {
  const images = (train: Uint8Array, name = 'train-images-idx3-ubyte'): string => {
    const path = mkdtempSync(join(folder, 'images-'));
    writeFileSync(join(path, name), train);
    writeFileSync(join(path, 'train-labels-idx1-ubyte'), idx([0, 0, 8, 1, 0, 0, 0, 1], 5));
    return path;
  };

  it.each<readonly [string, () => string, RegExp]>([
    [
      'sizes of 2^96',
      () => images(idx([0, 0, 8, 3, ...BIG, ...BIG, ...BIG])),
      /the header says 4294967295 x/,
    ],
    ['another magic number', () => images(idx([1, 2, 3, 4, 0, 0])), /found 01 02 03 04/],
    ['a cut header', () => images(idx([0, 0, 8, 3])), /too few for an IDX header/],
    [
      'gigabytes of zeros',
      () => images(ZEROS, 'train-images-idx3-ubyte.gz'),
      /unpacks to more than 268,435,456 bytes/,
    ],
    ['no gzip', () => images(idx([1, 2]), 'train-images-idx3-ubyte.gz'), /it is no gzip file/],
  ])('%s', async (_, path, message) => {
    await expectRefusal(() => loadImages('mnist', path()), message);
  });

  it('a data set of a long name, and CIFAR of another length', async () => {
    await expectRefusal(
      () => loadImages(HUGE, folder),
      /there is no image data set "x+"\.\.\. \(4,000,000 characters\)/,
    );
    const path = mkdtempSync(join(folder, 'cifar-'));
    writeFileSync(join(path, 'data_batch_1.bin'), Buffer.alloc(5000));
    await expectRefusal(() => loadImages('cifar10', path), /no whole number of images/);
  });

  it.each([
    [{ codes: 1e18 }, /codes is 1000000000000000000, expected/],
    [{ classes: 1e9 }, /classes is 1000000000, expected/],
    [{ height: 2 ** 20, width: 2 ** 20 }, /have more than/],
    [{ codes: -1 }, /codes is -1, expected/],
    [{ codes: 0.5 }, /codes is 0.5, expected/],
  ])('image tokens of %j', async (claims, message) => {
    const tokens = {
      count: 1,
      height: 1,
      width: 1,
      codes: 4,
      classes: 0,
      tokens: Int32Array.of(0),
      labels: new Int32Array(0),
    };
    checkImageTokens('x', tokens);
    await expectRefusal(() => checkImageTokens('x', { ...tokens, ...claims }), message);
  });
});

describe('tokenizers', () => {
  const files = llama2Files() as { tokenizer: { model: object } & object };
  const made = (fields: object, base: TokenizerFiles = files): TokenizerFiles => ({
    ...base,
    tokenizer: { ...(base.tokenizer as object), ...fields },
  });
  const model = (fields: object): TokenizerFiles => made({ model: { ...files.tokenizer.model, ...fields } });
  const vocab = (entries: object): TokenizerFiles =>
    model({ vocab: { ...(files.tokenizer.model as { vocab: object }).vocab, ...entries } });
  const pattern = (regex: unknown): object => ({
    type: 'Split',
    pattern: { Regex: regex },
    behavior: 'Isolated',
  });

  it.each<readonly [string, TokenizerFiles, RegExp]>([
    ['null', { tokenizer: null }, /tokenizer.json holds null/],
    ['a list', { tokenizer: [] }, /tokenizer.json holds a list/],
    ['a config that is a list', { ...files, config: [] }, /tokenizer_config.json holds a list/],
    ['model: null', made({ model: null }), /no model with a vocab/],
    ['vocab: null', model({ vocab: null }), /model.vocab is null, expected an object/],
    ['vocab: 5', model({ vocab: 5 }), /model.vocab is 5/],
    ['vocab: a list', model({ vocab: ['a'] }), /model.vocab is a list of 1/],
    ['an id of -1', vocab({ zz: -1 }), /model.vocab\["zz"\] is -1, expected a whole number/],
    ['an id of 1e12', vocab({ zz: 1e12 }), /is 1000000000000, expected a whole number/],
    ['half an id', vocab({ zz: 0.5 }), /is 0.5, expected a whole number/],
    ['an id of text', vocab({ zz: '5' }), /is "5", expected a whole number/],
    ['an id of null', vocab({ zz: null }), /is null, expected a whole number/],
    ['an id twice', vocab({ zz: 5 }), /is 5, which is the id of/],
    ['a long token', vocab({ [HUGE]: -1 }), /model.vocab\["x+"... \(4,000,000 characters\)\]/],
    ['an unknown model', model({ type: 'Quantum' }), /model has the type "Quantum", which is not supported/],
    ['a list of words', model({ type: 'WordLevel' }), /"WordLevel", which is not supported/],
    ['a model without type', made({ model: { vocab: { a: 0 } } }), /model has no type/],
    ['a long type', model({ type: HUGE }), /has the type "x+"\.\.\. \(4,000,000/],
    ['merges: null', model({ merges: null }), /model.merges is null, expected a list/],
    ['a merge of three', model({ merges: ['a b c'] }), /model.merges\[0\] is "a b c", expected two tokens/],
    ['a merge of numbers', model({ merges: [[1, 2]] }), /model.merges\[0\] is a list of 2/],
    ['Unigram of a map', model({ type: 'Unigram' }), /expected a list of tokens with their scores/],
    [
      'Unigram without scores',
      model({ type: 'Unigram', vocab: [['a', 'b']] }),
      /model.vocab\[0\] is a list of 2/,
    ],
    ['unk_id beyond', model({ type: 'Unigram', vocab: [['a', 0]], unk_id: 7 }), /unk_id is 7/],
    ['an unknown normalizer', made({ normalizer: { type: 'Nmt' } }), /normalizer has the type "Nmt"/],
    [
      'one inside of others',
      made({
        normalizer: { type: 'Sequence', normalizers: [{ type: 'Sequence', normalizers: [{ type: 'Zz' }] }] },
      }),
      /normalizer.normalizers\[0\].normalizers\[0\] has the type "Zz"/,
    ],
    [
      'an unknown pre-tokenizer',
      made({ pre_tokenizer: { type: 'UnicodeScripts' } }),
      /pre_tokenizer has the type/,
    ],
    [
      'an inherited type',
      made({ pre_tokenizer: { type: 'constructor' } }),
      /pre_tokenizer has the type "constructor"/,
    ],
    [
      'an unknown post-processor',
      made({ post_processor: { type: 'Zz' } }),
      /post_processor has the type "Zz"/,
    ],
    ['an unknown decoder', made({ decoder: { type: 'Zz' } }), /decoder has the type "Zz"/],
    ['a decoder of text', made({ decoder: 'ByteLevel' }), /decoder is "ByteLevel", expected an object/],
    [
      'pieces of no length',
      made({ pre_tokenizer: { type: 'FixedLength', length: 0 } }),
      /length is 0, expected/,
    ],
    ['no type', made({ normalizer: {} }), /normalizer has no type; supported are/],
    ['no pattern', made({ pre_tokenizer: { type: 'Split' } }), /pattern is undefined, expected/],
    ['a broken pattern', made({ pre_tokenizer: pattern('(') }), /cannot be used/],
    ['a pattern of a number', made({ pre_tokenizer: pattern(5) }), /pattern is an object, expected/],
    ['a long pattern', made({ pre_tokenizer: pattern(HUGE) }), /has 4000000 characters; the limit is 10000/],
    ['long text put in', made({ normalizer: { type: 'Prepend', prepend: HUGE } }), /the limit is 256/],
    ['added_tokens: 5', made({ added_tokens: 5 }), /added_tokens is 5, expected a list/],
    ['an added null', made({ added_tokens: [null] }), /added_tokens\[0\] is null/],
    ['an added number', made({ added_tokens: [{ id: 5, content: 5 }] }), /added_tokens\[0\].content is 5/],
    [
      'added nothing',
      made({ added_tokens: [{ id: 900, content: '' }] }),
      /added_tokens\[0\].content is empty/,
    ],
    [
      'an added id of 1e12',
      made({ added_tokens: [{ id: 1e12, content: 'a' }] }),
      /added_tokens\[0\].id is 1000000000000/,
    ],
    [
      'an added id twice',
      made({ added_tokens: [{ id: 0, content: 'zz' }] }),
      /which is the id of "<unk>" already/,
    ],
    [
      'another id for a token',
      made({ added_tokens: [{ id: 9999, content: '<s>' }] }),
      /but the vocab has "<s>" as 1/,
    ],
    [
      'a special token that is not there',
      { ...gpt2Files(), config: { eos_token: HUGE } },
      /the eos_token "x+"\.\.\./,
    ],
    ['special tokens of a number', { ...files, config: { additional_special_tokens: 5 } }, /cannot be used/],
  ])('%s', async (_, given, message) => {
    await expectRefusal(() => new TextTokenizer(given, 'x'), message);
  });

  it('patterns that backtrack for ever', async () => {
    const slow = made({ pre_tokenizer: pattern('(\\p{L}+)+(?=!)') }, gpt2Files());
    await expectRefusal(
      () => new TextTokenizer(slow, 'x').encode(`${'a'.repeat(60)}?`),
      /not finished after/,
    );
    // The limit is kept again afterwards, also for several texts at once.
    const tokenizer = new TextTokenizer(slow, 'x');
    const train = recordsOf([{ text: `${'a'.repeat(60)}?` }]);
    for (let time = 0; time < 2; time++)
      await expectRefusal(
        () => new CorpusTask({ validationShare: 0 }, { tokenizer, train }),
        /not finished after/,
      );
    const decoder = { type: 'Replace', pattern: { Regex: '(a+)+!' }, content: '' };
    const added_tokens = [{ id: 9000, content: 'a'.repeat(60), special: false }];
    const decoding = new TextTokenizer(made({ decoder, added_tokens }), 'x');
    await expectRefusal(() => decoding.decode([9000]), /not finished after/);
  });

  it('a vocabulary may have the token __proto__', () => {
    const own = JSON.parse('{"__proto__": 9000}') as object;
    expect(
      new TextTokenizer(made({ added_tokens: [{ id: 9000, content: '__proto__' }] }), 'x').encode(
        '__proto__',
      ),
    ).toEqual([9000]);
    expect(Object.keys(own)).toEqual(['__proto__']);
  });
});

const star = { degree: 2, length: 4, names: 10, format: 'edge' } as const;
const proto = (fields: string): never => JSON.parse(`{"__proto__": 5${fields}}`) as never;

describe('settings', () => {
  const tokenizer = gpt2();
  const train = recordsOf([
    { q: 'one', a: 'two' },
    { q: 'three', a: 'four' },
  ]);
  const text = new TextTask({ template: '{q} {a}', validationShare: 0, maxTime: 16 }, { tokenizer, train });
  const corpus = new CorpusTask({ column: 'q', validationShare: 0, time: 16 }, { tokenizer, train });

  it.each<readonly [string, () => unknown, RegExp]>([
    ['time', () => parseCorpusConfig({ time: 1e9 }), /time: .*1048576/],
    ['time that is infinite', () => parseCorpusConfig({ time: Number.POSITIVE_INFINITY }), /time: /],
    ['no separator', () => parseCorpusConfig({ separator: '' }), /separator: /],
    ['a long separator', () => parseCorpusConfig({ separator: HUGE }), /separator: .*100000/],
    ['a long column', () => parseCorpusConfig({ column: HUGE }), /column: /],
    ['a long unknown name', () => parseCorpusConfig({ [HUGE]: 5 } as never), /unknown setting 'x+/],
    [
      'many unknown names',
      () => parseCorpusConfig(Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`q${at}`, 1]))),
      /and 992 more/,
    ],
    ['__proto__ of a corpus', () => parseCorpusConfig(proto('')), /unknown setting '__proto__'/],
    ['__proto__ of text', () => parseTextConfig(proto(', "template": "{q}"')), /unknown setting '__proto__'/],
    [
      '__proto__ of star graphs',
      () => parseStarGraphConfig(proto(', "degree": 2, "length": 4, "names": 10, "format": "edge"')),
      /unknown setting '__proto__'/,
    ],
    [
      '__proto__ of files',
      () => parseCorpusConfig({ files: proto(', "train": "x"') }),
      /unknown setting '__proto__'/,
    ],
    [
      '__proto__ of alternatives',
      () =>
        parseTextConfig({
          template: '{q}',
          alternatives: { a: ['b'], ...JSON.parse('{"c": 5}'), d: proto('') } as never,
        }),
      /alternatives: d: unknown setting '__proto__'/,
    ],
    ['maxTime', () => parseTextConfig({ template: '{q}', maxTime: 1e9 }), /maxTime: /],
    ['maxAnswerTime', () => parseTextConfig({ template: '{q}', maxAnswerTime: 1e9 }), /maxAnswerTime: /],
    ['buckets', () => parseTextConfig({ template: '{q}', buckets: 1e9 }), /buckets: /],
    ['a bucket of 1e9', () => parseTextConfig({ template: '{q}', buckets: [1e9] }), /buckets/],
    ['group', () => parseTextConfig({ template: '{q}', group: 1e9 }), /group: /],
    ['a long preset', () => parseTextConfig({ preset: HUGE as never }), /preset: "x+"\.\.\. \(4,000,000/],
    ['a broken pattern', () => parseTextConfig({ template: '{q}', dropPattern: '(' }), /dropPattern: /],
    ['a long template', () => parseTextConfig({ template: HUGE }), /template: /],
    [
      'a pattern that backtracks',
      () =>
        new TextTask(
          { template: '{q} {a}', dropPattern: '(e+)+x', validationShare: 0 },
          { tokenizer, train: recordsOf([{ q: 'e'.repeat(60), a: 'b' }]) },
        ),
      /dropPattern "\(e\+\)\+x" on train.jsonl:1 .*not finished/,
    ],
    ['names', () => parseStarGraphConfig({ ...star, names: 1e9 }), /names: .*1000000/],
    ['degree', () => parseStarGraphConfig({ ...star, degree: 1e15 }), /names: 10 names are too few/],
    ['length', () => parseStarGraphConfig({ ...star, length: 1e300 }), /length: /],
    ['examples', () => parseStarGraphConfig({ ...star, trainingExamples: 1e12 }), /trainingExamples: /],
    ['images', () => parseImageConfig('mnist', { trainingImages: 1e12 }), /trainingImages: /],
    ['shift', () => parseImageConfig('mnist', { shift: 1e9 }), /shift: /],
    ['a seed beyond', () => parseImageTokensConfig({ seed: 2 ** 60 }), /seed: /],
    ['a share of 5', () => parseImageTokensConfig({ validationShare: 5 }), /validationShare: /],
    ['a batch of text', () => text.batch('train', 0, 1e9), /text batch: size: 1000000000 examples/],
    [
      'a batch of a corpus',
      () => corpus.batch('train', 0, 1e9),
      /text corpus batch: size: 1000000000 examples/,
    ],
    [
      'a batch of star graphs',
      () => new StarGraphTask(star).batch('train', 0, 1e9),
      /star-graph batch: size: 1000000000/,
    ],
    ['questions of text', () => text.questions('train', 0, 1e9), /text questions: count: 1000000000/],
    [
      'questions of star graphs',
      () => new StarGraphTask(star).questions('test', 0, 1e12),
      /star-graph questions: count/,
    ],
    ['half a batch', () => text.batch('train', 0, 0.5), /expected an integer/],
    ['a step beyond', () => text.batch('train', 2 ** 60, 1), /expected an integer/],
    ['a split of a long name', () => text.batch(HUGE as never, 0, 1), /unknown split "x+"/],
    [
      'a column __proto__',
      () => new TextTask({ template: '{q} {__proto__}' }, { tokenizer, train }),
      /no column '__proto__'/,
    ],
    [
      'a column of a function',
      () => new TextTask({ template: '{q} {toString}' }, { tokenizer, train }),
      /no column 'toString'/,
    ],
    [
      'many columns',
      () =>
        new CorpusTask(
          { column: 'zz' },
          {
            tokenizer,
            train: recordsOf([
              Object.fromEntries(Array.from({ length: 9999 }, (_, at) => [`column${at}`, ''])),
            ]),
          },
        ),
      /no column 'zz'; has column0/,
    ],
    [
      'a column of objects',
      () => new CorpusTask({ column: 'q' }, { tokenizer, train: recordsOf([{ q: { a: HUGE } }]) }),
      /holds an object/,
    ],
  ])('%s', async (_, work, message) => {
    await expectRefusal(work, message);
  });

  it('files that are no list of paths', async () => {
    for (const train of [5, [], [''], null, [[]]])
      await expectRefusal(() => loadCorpusTask({ files: { train } as never }, tokenizer), /files/);
  });
});
