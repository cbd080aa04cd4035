import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a file is served, where not as it should be. */
export interface Manner {
  /** Sends so many bytes of each answer, then hangs up. */
  breakAfter?: number;
  /** Sends so many bytes of each answer, then nothing. */
  stallAfter?: number;
  /** Announces no length. */
  chunked?: boolean;
  /** Goes on after its end, without end. */
  endless?: boolean;
  /** Knows no ranges. */
  ignoresRanges?: boolean;
  status?: number;
}

/** Serves files under their paths, and notes what is asked for. */
export class FileServer {
  /** Path of each request, with the range that it asks for. */
  readonly requests: string[] = [];
  manner: Manner = {};
  readonly #server: Server;

  constructor(readonly files: Record<string, Uint8Array>) {
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  #answer({ url = '/', headers }: IncomingMessage, response: ServerResponse): void {
    const { range } = headers;
    this.requests.push(range === undefined ? url : `${url} ${range}`);
    const file = this.files[url.slice(1)];
    const { breakAfter, stallAfter, chunked, endless, ignoresRanges, status } = this.manner;
    if (status !== undefined || file === undefined) {
      response.writeHead(status ?? 404).end();
      return;
    }
    const start = ignoresRanges ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const rest = file.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, {
      ...(chunked || endless ? {} : { 'content-length': rest.length }),
      ...(start > 0 ? { 'content-range': `bytes ${start}-${file.length - 1}/${file.length}` } : {}),
    });
    if (endless) {
      const more = (): void => {
        while (response.write(Buffer.alloc(4096)) && !response.destroyed);
        response.once('drain', more);
      };
      more();
    } else if (breakAfter !== undefined) {
      response.write(rest.subarray(0, breakAfter));
      // What was sent is read before the end comes.
      setTimeout(() => response.destroy(), 60);
    } else if (stallAfter !== undefined) response.write(rest.subarray(0, stallAfter));
    else response.end(rest);
  }
}
