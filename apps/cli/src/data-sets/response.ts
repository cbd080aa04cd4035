import { oneLine } from '@foretoken/input';
import { BrokenOffError, DataSetError } from './errors.js';

/** What a server answers to the question for a file from a byte on. */
export interface FileResponse {
  /** Where what it sends begins: 0 where it does not resume. */
  readonly start: number;
  /** Bytes of the whole file; null where it does not say. */
  readonly totalBytes: number | null;
  readonly body: ReadableStream<Uint8Array>;
}

/** Answers after which another attempt makes sense. */
const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Why a request failed: `fetch failed` says little, its cause says why. */
export function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  return oneLine(code ?? (cause instanceof Error ? cause.message : error.message));
}

function wholeNumberOf(text: string | null | undefined): number | null {
  return text !== null && text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** `bytes 100-999/1000` */
function rangeOf(
  header: string | null,
): { readonly start: number; readonly total: number | null } | undefined {
  const [, start, total] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(header ?? '') ?? [];
  return start === undefined ? undefined : { start: Number(start), total: wholeNumberOf(total) };
}

/**
 * Asks for a file from byte `start` on.
 *
 * @throws DataSetError, BrokenOffError where another attempt makes sense
 */
export async function requestFile(url: string, start: number, signal: AbortSignal): Promise<FileResponse> {
  const { host, protocol } = new URL(url);
  let response: Response;
  try {
    response = await fetch(url, {
      signal,
      // What is stored is what was published: no encoding on the way.
      headers: { 'accept-encoding': 'identity', ...(start > 0 ? { range: `bytes=${start}-` } : {}) },
    });
  } catch (cause) {
    const reason = signal.aborted ? networkReason(signal.reason) : networkReason(cause);
    throw new BrokenOffError(`${host} cannot be reached (${reason})`, { cause });
  }
  const refuse = async (message: string, Kind = DataSetError): Promise<never> => {
    await response.body?.cancel();
    throw new Kind(message);
  };
  if (protocol === 'https:' && response.url.startsWith('http:'))
    return refuse(`${host} sends the download on to plain http, ${new URL(response.url).host}`);
  const { status } = response;
  if (status !== 200 && status !== 206) {
    return refuse(
      `${host} answers with status ${status} to ${url}`,
      TRANSIENT.has(status) || status === 416 ? BrokenOffError : DataSetError,
    );
  }
  if (response.body === null) return refuse(`${host} sends nothing for ${url}`, BrokenOffError);
  const { body, headers } = response;
  if (status === 200) return { start: 0, totalBytes: wholeNumberOf(headers.get('content-length')), body };
  const range = rangeOf(headers.get('content-range'));
  if (range === undefined || range.start !== start)
    return refuse(`${host} sends another part of ${url} than was asked for`);
  return { start, totalBytes: range.total, body };
}
