import { open } from 'node:fs/promises';
import { BlobDownload } from '@foretoken/models/node';
import { BrokenOffError, DataSetError } from './errors.js';
import { networkReason, requestFile } from './response.js';

/** A file to fetch. */
export interface DownloadRequest {
  readonly url: string;
  /** Where it shall lie. */
  readonly path: string;
  /** Its bytes; null where they are not known. */
  readonly bytes: number | null;
  /** More are never written. */
  readonly mostBytes: number;
  /** Null where it is not known: then what an earlier process left is not taken up. */
  readonly sha256: string | null;
  /** Looks at what was fetched. @throws DataSetError when it is not what it should be */
  readonly check?: (path: string) => Promise<void>;
  readonly onProgress?: (fetchedBytes: number, totalBytes: number | null) => void;
  readonly waits?: Partial<Waits>;
  readonly signal?: AbortSignal;
}

/** How long a server is waited for, in milliseconds. */
export interface Waits {
  /** For an answer. */
  readonly answer: number;
  /** For the next bytes of the file. */
  readonly bytes: number;
  /** Between attempts, times their number. */
  readonly again: number;
}

const WAITS: Waits = { answer: 30_000, bytes: 30_000, again: 1_000 };

/** Attempts without getting any further, after which a download is given up. */
const ATTEMPTS = 3;

/** An alarm that aborts a request when it was not put off for a while. */
class Alarm {
  readonly controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(outer: AbortSignal | undefined) {
    outer?.addEventListener('abort', () => this.controller.abort(outer.reason), {
      signal: this.controller.signal,
    });
    if (outer?.aborted === true) this.controller.abort(outer.reason);
  }

  putOff(milliseconds: number, reason: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.controller.abort(new Error(reason)), milliseconds);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

const seconds = (milliseconds: number): string => `${milliseconds / 1000} seconds`;

class Download {
  readonly #request: DownloadRequest;
  readonly #partial: BlobDownload;
  readonly #waits: Waits;
  /** Bytes of the whole file, once they are known. */
  #totalBytes: number | null;

  constructor(request: DownloadRequest, partial: BlobDownload) {
    this.#request = request;
    this.#partial = partial;
    this.#waits = { ...WAITS, ...request.waits };
    this.#totalBytes = request.bytes;
  }

  /** Fetches the file as far as it is not there, again where it breaks off. */
  async complete(): Promise<void> {
    for (let failures = 0; ; ) {
      const before = await this.#partial.fetchedBytes();
      if (before > 0 && before === this.#totalBytes) return;
      const failure = await this.#append(before).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure === undefined) return;
      if (!(failure instanceof BrokenOffError) || this.#request.signal?.aborted === true) throw failure;
      failures = (await this.#partial.fetchedBytes()) > before ? 1 : failures + 1;
      if (failures === ATTEMPTS) throw failure;
      await new Promise((wake) => setTimeout(wake, this.#waits.again * failures));
    }
  }

  async #append(fetched: number): Promise<void> {
    const { url, signal } = this.#request;
    const alarm = new Alarm(signal);
    try {
      alarm.putOff(this.#waits.answer, `no answer for ${seconds(this.#waits.answer)}`);
      const { start, totalBytes, body } = await requestFile(url, fetched, alarm.controller.signal);
      await this.#checkLength(totalBytes, body);
      await this.#write(body, start, alarm);
    } finally {
      alarm.end();
    }
  }

  async #checkLength(announced: number | null, body: ReadableStream<Uint8Array>): Promise<void> {
    const { url, bytes, mostBytes } = this.#request;
    if (announced === null) return;
    this.#totalBytes ??= announced;
    const wanted = bytes ?? this.#totalBytes;
    if (announced === wanted && announced <= mostBytes) return;
    await body.cancel();
    throw new DataSetError(
      announced === wanted
        ? `${url} has ${announced} bytes, more than the ${mostBytes} that are taken`
        : `${url} has ${announced} bytes, and the published file has ${wanted}: it is another one`,
    );
  }

  async #write(body: ReadableStream<Uint8Array>, start: number, alarm: Alarm): Promise<void> {
    const { url, mostBytes, onProgress } = this.#request;
    const limit = this.#totalBytes ?? mostBytes;
    const file = await open(this.#partial.path, start === 0 ? 'w' : 'a');
    const reader = body.getReader();
    let fetched = start;
    try {
      for (;;) {
        alarm.putOff(this.#waits.bytes, `no bytes for ${seconds(this.#waits.bytes)}`);
        const { done, value } = await reader.read().catch((cause: unknown) => {
          const { signal } = alarm.controller;
          throw new BrokenOffError(
            `the download of ${url} broke off after ${fetched} bytes (${networkReason(signal.aborted ? signal.reason : cause)})`,
            { cause },
          );
        });
        if (done) break;
        if (fetched + value.length > limit) {
          throw new DataSetError(
            this.#totalBytes === null
              ? `${url} has more than the ${limit} bytes that are taken`
              : `${url} should have ${limit} bytes, and sends more`,
          );
        }
        await file.writeFile(value);
        fetched += value.length;
        onProgress?.(fetched, this.#totalBytes);
      }
      await file.sync();
    } finally {
      await reader.cancel().catch(() => undefined);
      await file.close();
    }
    if (this.#totalBytes !== null && fetched < this.#totalBytes)
      throw new BrokenOffError(
        `the download of ${url} broke off after ${fetched} of ${this.#totalBytes} bytes`,
      );
  }
}

/**
 * Fetches a file and puts it in its place in one step once it is whole and checked. What broke off is taken up where it
 * ended, by this process and by later ones; a server that falls silent is given up, and one that sends too much.
 *
 * @throws DataSetError without a full stop at its end, for a caller that says what to do about it
 */
export async function downloadFile(request: DownloadRequest): Promise<void> {
  const { url, path, sha256, check } = request;
  const partial = await BlobDownload.begin(path);
  try {
    if (sha256 === null) await partial.drop();
    let resumed = (await partial.fetchedBytes()) > 0;
    for (;;) {
      await new Download(request, partial).complete();
      if (sha256 === null || (await partial.hasSha256(sha256))) break;
      await partial.drop();
      if (!resumed)
        throw new DataSetError(`${url} arrived with other contents than were published (SHA-256 ${sha256})`);
      // What an earlier process left may have been wrong.
      resumed = false;
    }
    await check?.(partial.path);
    await partial.finish();
  } catch (error) {
    if (error instanceof BrokenOffError || request.signal?.aborted === true) await partial.leave();
    else await partial.drop();
    throw error;
  }
}
