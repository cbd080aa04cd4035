import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A model that the hub has. */
export interface ServedModel {
  readonly folder: string;
  readonly files: readonly string[];
  /** Needed to read it. */
  readonly token?: string;
}

/** Bytes of an answer with weights, at least. */
const LARGE = 1000;

const COMMIT = 'c0ffee'.padEnd(40, '0');

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: Uint8Array;
}

const json = (value: unknown, status = 200): Reply => ({
  status,
  headers: { 'Content-Type': 'application/json' },
  body: Buffer.from(JSON.stringify(value)),
});

const failure = (status: number, error: string): Reply => json({ error }, status);

/** Plays the hub: the calls that loading a model makes, over files of a folder. */
export class HubServer {
  /** Method and path of each request. */
  readonly requests: string[] = [];
  /** Ranges that were asked for, by file. */
  readonly ranges: string[] = [];
  /** Bytes after which the next longer answer breaks off, once. */
  breakAfter: number | undefined;
  /** So many answers with large bodies wait for one another, each half sent, once: all are under way at a time. */
  together = 1;
  /** Status that all requests get. */
  status: number | undefined;
  /** What sends the rest of the answers that wait. */
  readonly #waiting: (() => void)[] = [];
  readonly #server: Server;
  readonly #models: ReadonlyMap<string, ServedModel>;

  constructor(models: Readonly<Record<string, ServedModel>>) {
    this.#models = new Map(Object.entries(models));
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => this.#send(response, this.#reply(request, body)));
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #send(response: ServerResponse, { status, headers, body }: Reply): void {
    response.writeHead(status, { 'Content-Length': body.length, ...headers });
    if (this.together > 1 && body.length > LARGE) {
      const half = body.length >> 1;
      response.write(body.subarray(0, half));
      this.#waiting.push(() => response.end(body.subarray(half)));
      if (this.#waiting.length < this.together) return;
      this.together = 1;
      for (const sendRest of this.#waiting.splice(0)) sendRest();
      return;
    }
    if (this.breakAfter === undefined || body.length <= this.breakAfter) {
      response.end(body);
      return;
    }
    response.write(body.subarray(0, this.breakAfter), () => setTimeout(() => response.destroy(), 20));
    this.breakAfter = undefined;
  }

  #reply(request: IncomingMessage, body: string): Reply {
    const { pathname } = new URL(request.url ?? '/', 'http://hub');
    this.requests.push(`${request.method} ${pathname}`);
    if (this.status !== undefined) return failure(this.status, 'out of order');
    const found = [...this.#models].find(([name]) => pathname.includes(`/${name}/`));
    if (found === undefined) return failure(404, 'Repository not found');
    const [name, model] = found;
    if (model.token !== undefined && request.headers.authorization !== `Bearer ${model.token}`)
      return failure(401, `Access to model ${name} is restricted.`);
    if (pathname.includes('/revision/')) {
      const isKnown = pathname.endsWith('/main') || pathname.endsWith(`/${COMMIT}`);
      return isKnown ? json({ id: name, modelId: name, sha: COMMIT }) : failure(404, 'Invalid rev id');
    }
    if (pathname.includes('/paths-info/'))
      return json(pathsInfo(model, JSON.parse(body) as { paths: string[] }));
    const file = pathname.split('/').at(-1) ?? '';
    return model.files.includes(file)
      ? this.#file(request.headers.range, join(model.folder, file), file)
      : failure(404, 'Entry not found');
  }

  #file(range: string | undefined, path: string, file: string): Reply {
    const bytes = readFileSync(path);
    const wanted = /^bytes=(\d+)-(\d+)$/.exec(range ?? '');
    const [start, end] = wanted === null ? [0, bytes.length - 1] : [Number(wanted[1]), Number(wanted[2])];
    this.ranges.push(`${file} ${start}-${end}`);
    return {
      status: wanted === null ? 200 : 206,
      headers: { 'Content-Range': `bytes ${start}-${end}/${bytes.length}`, ETag: '"etag"' },
      body: bytes.subarray(start, end + 1),
    };
  }
}

/** Sizes and hashes of those of the files that there are. */
const pathsInfo = ({ folder, files }: ServedModel, { paths }: { paths: string[] }): object[] =>
  paths
    .filter((path) => files.includes(path))
    .map((path) => {
      const bytes = readFileSync(join(folder, path));
      const hash = createHash('sha256').update(bytes).digest('hex');
      const isLarge = path.endsWith('.safetensors');
      const lfs = isLarge ? { lfs: { oid: hash, size: bytes.length, pointerSize: 134 } } : {};
      const oid = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
      return { type: 'file', path, size: bytes.length, oid, ...lfs };
    });
