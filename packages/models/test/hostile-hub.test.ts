import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError } from '../src/index.js';
import { type HubOptions, pretrainedFolder } from '../src/node/index.js';
import { useFolders } from './support/folders.js';

const newFolder = useFolders();
const COMMIT = 'abc'.padEnd(40, '0');
const CONFIG = '{"model_type":"llama"}';
const WEIGHTS = 'w'.repeat(600);
const INDEX = '{"weight_map":{"a":"model-1.safetensors"}}';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;
/** What a hub answers otherwise than it should. */
interface Hub {
  readonly info?: Answer;
  readonly list?: Answer;
  readonly file?: Answer;
  readonly options?: HubOptions;
}

const send =
  (value: unknown, status = 200): Answer =>
  (response) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(typeof value === 'string' ? value : JSON.stringify(value));
  };
const git = (text: string): string => createHash('sha1').update(`blob ${text.length}\0${text}`).digest('hex');
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const config = { type: 'file', path: 'config.json', size: CONFIG.length, oid: git(CONFIG) };
const weights = {
  type: 'file',
  path: 'model.safetensors',
  size: WEIGHTS.length,
  oid: git('pointer'),
  lfs: { oid: sha256(WEIGHTS), size: WEIGHTS.length },
};
const indexOf = (text: string): object => ({
  type: 'file',
  path: 'model.safetensors.index.json',
  size: text.length,
  oid: git(text),
});
const file =
  (texts: Readonly<Record<string, string>>): Answer =>
  (response, { url = '' }) =>
    response.end(texts[url.split('/').at(-1) ?? '']);
const good: Required<Omit<Hub, 'options'>> = {
  info: send({ id: 'lab/m', sha: COMMIT }),
  list: send([config, weights]),
  file: file({ 'config.json': CONFIG, 'model.safetensors': WEIGHTS }),
};

/** Of a hub that is waited for no longer than a test may take. */
const soon = { timeoutSeconds: 0.15 };
const silent: Answer = () => undefined;
const silentBody: Answer = (response) => void response.write('{');
const redirect =
  (to: string, status = 302): Answer =>
  (response) =>
    void response.writeHead(status, { Location: to }).end();

/** Sends something again and again until nobody listens, and counts what was taken. */
let taken = 0;
const endless =
  (chunk: Buffer, every = 0, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(200, headers);
    const next = (): void => {
      if (response.destroyed) return;
      response.write(chunk, () => {
        taken += chunk.length;
        if (every === 0) setImmediate(next);
        else setTimeout(next, every);
      });
    };
    next();
  };
/** 32 MiB of zeros. */
const BOMB = gzipSync(Buffer.alloc(2 ** 25), { level: 1 });
const MEBIBYTE = Buffer.alloc(2 ** 20, '[');

let server: Server;
let elsewhere: Server;
let answers: Hub = {};
const seen: { readonly host: string; readonly token: string | undefined }[] = [];

const listen = (handler: Answer): Promise<Server> =>
  new Promise((resolve) => {
    const made = createServer((request, response) => {
      seen.push({ host: request.headers.host ?? '', token: request.headers.authorization });
      response.on('error', () => undefined);
      request.resume().on('end', () => handler(response, request));
    });
    made.listen(0, '127.0.0.1', () => resolve(made));
  });
const addressOf = (of: Server): string => `127.0.0.1:${(of.address() as AddressInfo).port}`;

beforeAll(async () => {
  elsewhere = await listen(good.file);
  server = await listen((response, request) => {
    const { url = '' } = request;
    const kind = url.includes('/resolve/') ? 'file' : url.includes('/paths-info/') ? 'list' : 'info';
    (answers[kind] ?? good[kind])(response, request);
  });
});
afterAll(async () => {
  for (const each of [server, elsewhere]) {
    each.closeAllConnections();
    await new Promise((resolve) => each.close(resolve));
  }
});

/** What comes of a model of a hub that answers so, in a cache of its own. */
async function fetched(hub: Hub, cacheFolder = newFolder()): Promise<string | Error> {
  answers = hub;
  [taken, seen.length] = [0, 0];
  return pretrainedFolder('lab/m', {
    hubUrl: `http://${addressOf(server)}`,
    offline: false,
    token: '',
    timeoutSeconds: 5,
    cacheFolder,
    ...hub.options,
  }).catch((error: Error) => error);
}

const ofList = (...items: unknown[]): Hub => ({ list: send(items) });
const ofIndex = (text: string): Hub => ({
  list: send([config, indexOf(text)]),
  file: file({ 'config.json': CONFIG, 'model.safetensors.index.json': text }),
});
const ofMap = (name: unknown): Hub => ofIndex(JSON.stringify({ weight_map: { a: name } }));
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const NO_NAME = /weight_map\.a: /;
const NO_HASH = /gives no valid hash and size of/;
const SILENT = /\(no (whole )?answer within 0\.\d+ s\)/;

describe('a hub that means harm is refused in one line, soon, and with nothing left behind', () => {
  it.each<[string, Hub, RegExp]>([
    [
      'endless weights',
      { file: endless(MEBIBYTE) },
      /should have 22 bytes, and the hub sends another number/,
    ],
    [
      'weights that unpack to more',
      {
        file: (response) => {
          response.writeHead(200, { 'Content-Encoding': 'gzip' });
          response.end(BOMB);
        },
      },
      /should have 22 bytes/,
    ],
    ['a file that is too short', { file: file({ 'config.json': '{}' }) }, /should have 22 bytes/],
    [
      'a file with other contents',
      { file: file({ 'config.json': `${CONFIG.slice(1)} ` }) },
      /other contents than the hub says it has \(git hash/,
    ],
    [
      'weights with other contents',
      { file: file({ 'config.json': CONFIG, 'model.safetensors': 'v'.repeat(600) }) },
      /other contents than the hub says it has \(SHA-256/,
    ],
    ['silence', { info: silent, options: soon }, SILENT],
    ['silence behind a beginning', { info: silentBody, options: soon }, SILENT],
    ['silence instead of a listing', { list: silent, options: soon }, SILENT],
    ['silence instead of a file', { file: silent, options: soon }, SILENT],
    ['silence in a file', { file: silentBody, options: soon }, SILENT],
    ['a byte now and then', { file: endless(Buffer.from('x'), 40), options: soon }, SILENT],
    ['a byte now and then of a description', { info: endless(Buffer.from(' '), 40), options: soon }, SILENT],
    ['a listing without end', { list: endless(MEBIBYTE) }, /more than 8388608 bytes came/],
    ['a description without end', { info: endless(MEBIBYTE) }, /more than 8388608 bytes came/],
    [
      'an error without end',
      {
        list: (response) =>
          endless(MEBIBYTE)(Object.assign(response, { statusCode: 500 }), {} as IncomingMessage),
      },
      /bytes came/,
    ],
    [
      'an error of ten lines',
      { info: send({ error: 'a\n\u001b[31mb\n'.repeat(1000) }, 403) },
      /^lab\/m on .* \(status 403: a \\u\{1b\}\[31mb/,
    ],
    ['a description that is no object', { info: send('null') }, /could not be fetched/],
    ['a description that is deep', { info: send(deep(1e5)) }, /could not be fetched|no valid commit/],
    [
      'a commit that leads elsewhere',
      { info: send({ id: 'x', sha: '../../../evil' }) },
      /gives no valid commit/,
    ],
    ['a commit that is a number', { info: send({ id: 'x', sha: 5 }) }, /gives no valid commit/],
    ['no commit', { info: send({ id: 'x' }) }, /gives no valid commit/],
    ['no listing', { list: send({}) }, /expected array/],
    ['a listing of nothing', ofList(null), /could not be fetched/],
    ['a listing without files', ofList(), /has no config\.json/],
    ['a folder as config', ofList({ ...config, type: 'directory' }, weights), /has no config\.json/],
    ['sizes below 0', ofList({ ...config, size: -1 }, weights), NO_HASH],
    ['sizes that are no numbers', ofList({ ...config, size: '22' }, weights), NO_HASH],
    ['sizes beyond all', ofList(config, { ...weights, lfs: { ...weights.lfs, size: 1e300 } }), NO_HASH],
    ['no size', ofList({ ...config, size: undefined }, weights), NO_HASH],
    [
      'more than any disk',
      ofList(config, { ...weights, lfs: { ...weights.lfs, size: 2 ** 52 } }),
      /has 4503599627370496 bytes, and the disk of the cache has \d+ left/,
    ],
    ['a hash that leads elsewhere', ofList({ ...config, oid: '../../../../evil' }, weights), NO_HASH],
    [
      'a hash of large files that does',
      ofList(config, { ...weights, lfs: { oid: '../evil', size: 5 } }),
      NO_HASH,
    ],
    ['no hash', ofList({ ...config, oid: undefined }, weights), NO_HASH],
    ['an index that leads out', ofMap('../evil.safetensors'), NO_NAME],
    ['an index into folders', ofMap('a/b.safetensors'), NO_NAME],
    ['an index to the root', ofMap('/evil.safetensors'), NO_NAME],
    ['an index to a drive', ofMap('C:\\evil.safetensors'), NO_NAME],
    ['an index with backslashes', ofMap('..\\evil.safetensors'), NO_NAME],
    ['an index with a NUL', ofMap('a\0.safetensors'), NO_NAME],
    ['an index to other files', ofMap('config.json'), NO_NAME],
    ['an index of numbers', ofMap(5), NO_NAME],
    ['an index of nothing', ofMap(null), NO_NAME],
    [
      'an index of very many files',
      ofIndex(
        JSON.stringify({
          weight_map: Object.fromEntries(
            Array.from({ length: 10_001 }, (_, at) => [`t${at}`, `m-${at}.safetensors`]),
          ),
        }),
      ),
      /names 10001 files; the limit is 10000/,
    ],
    ['an index that is deep', ofIndex(deep(1e5)), /nested deeper than 100 levels/],
    ['an index that is no JSON', ofIndex('{'), /is not valid JSON/],
    [
      'an index of shards that are not there',
      ofIndex(INDEX),
      /lacks files of its index: model-1\.safetensors/,
    ],
    [
      'redirections without end',
      { file: redirect('/lab/m/resolve/x/config.json') },
      /redirects more than 5 times/,
    ],
    ['a redirection to a file', { file: redirect('file:///etc/passwd') }, /not one of http or https/],
    ['a redirection to nowhere', { info: redirect('http://[') }, /not one of http or https/],
    [
      'a redirection without encryption',
      { info: redirect('http://example.com/') },
      /redirects to http:\/\/example\.com, which has no encryption/,
    ],
    [
      'a token without encryption',
      { options: { hubUrl: 'http://hub.example.com', token: 'hf_secret' } },
      /^the token \(HF_TOKEN\) is not sent to http:\/\/hub\.example\.com without encryption/,
    ],
    [
      'a token with a line break',
      { options: { token: 'hf_sec\nret' } },
      /^the token \(HF_TOKEN\) holds characters that no token has\.$/,
    ],
    [
      'an address that is none',
      { options: { hubUrl: 'nowhere' } },
      /hubUrl \(HF_ENDPOINT\) must be an address/,
    ],
    [
      'an address of files',
      { options: { hubUrl: 'file:///etc' } },
      /hubUrl \(HF_ENDPOINT\) must be an address/,
    ],
    ['a revision that leads out', { options: { revision: '../../evil' } }, /is no branch, tag or commit/],
    ['no revision', { options: { revision: '' } }, /is no branch, tag or commit/],
    [
      'a time that is none',
      { options: { timeoutSeconds: -1 } },
      /timeoutSeconds \(HF_HUB_DOWNLOAD_TIMEOUT\) must be above 0/,
    ],
  ])('%s', async (_, hub, message) => {
    const outside = newFolder();
    const cache = join(outside, 'cache');
    mkdirSync(cache);
    const start = performance.now();
    const error = await fetched(hub, cache);
    expect(error).toBeInstanceOf(CheckpointError);
    const { message: told } = error as Error;
    expect(told).toMatch(message);
    expect(told).not.toMatch(/\p{Cc}|hf_sec/u);
    expect(told.length).toBeLessThan(700);
    expect(performance.now() - start).toBeLessThan(3000);
    expect(taken).toBeLessThan(64 * MEBIBYTE.length);
    expect(readdirSync(outside)).toEqual(['cache']);
    const files = readdirSync(cache, { recursive: true, encoding: 'utf8' });
    const bytes = files.map((name) => statSync(join(cache, name))).reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThan(2e6);
    expect(files.filter((name) => name.includes('.incomplete') && hub.file === undefined)).toEqual([]);
  });

  it('passes over files that nobody asked for', async () => {
    const folder = await fetched(
      ofList({ ...config, path: '../../../evil' }, config, weights, { ...config, path: 'x' }),
    );
    expect(readdirSync(folder as string).sort()).toEqual(['config.json', 'model.safetensors']);
    expect(existsSync(join(folder as string, '../../../evil'))).toBe(false);
  });

  it('sends the token to the hub, and to no other host', async () => {
    const to: Answer = (response, { url = '' }) =>
      redirect(`http://${addressOf(elsewhere)}${url}`, 307)(response, {} as IncomingMessage);
    const folder = await fetched({ file: to, options: { token: 'hf_secret' } });
    expect(readdirSync(folder as string)).toContain('model.safetensors');
    expect(
      new Set(seen.map(({ host, token }) => `${host === addressOf(server) ? 'hub' : 'other'} ${token}`)),
    ).toEqual(new Set(['hub Bearer hf_secret', 'other undefined']));
  });

  it('takes a whole answer to a part that was asked for', async () => {
    const cache = newFolder();
    let asked = 0;
    const broken: Answer = (response, request) => {
      if (!request.url?.endsWith('safetensors') || asked++ > 0) good.file(response, request);
      else
        response
          .writeHead(200, { 'Content-Length': 600 })
          .write(WEIGHTS.slice(0, 100), () => response.destroy());
    };
    const folder = await fetched({ file: broken }, cache);
    expect(statSync(join(folder as string, 'model.safetensors')).size).toBe(600);
    expect(asked).toBe(2);
  });
});
