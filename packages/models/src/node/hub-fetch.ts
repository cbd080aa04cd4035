import { CheckpointError } from '../checkpoint/errors.js';

/** How the hub is asked. */
export interface HubAccess {
  readonly hubUrl: string;
  /** Sent to the hub itself, and to nobody else. */
  readonly token?: string | undefined;
  /** Milliseconds that it may be silent. */
  readonly timeout: number;
}

/** The hub was silent, or as good as. */
export class HubTimeout extends Error {}

/** More bytes came than there may be. */
export class TooManyBytes extends Error {}

/** Redirections of one request. */
const MOST_REDIRECTS = 5;
/** Bytes that have to come within the time that silence may last: one now and then is silence too. */
const LEAST_BYTES = 1024;
/** Bytes of an answer that says an error. */
const ERROR_BYTES = 2 ** 20;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

const isSecure = ({ protocol, hostname }: URL): boolean => protocol === 'https:' || LOOPBACK.test(hostname);

/** @throws CheckpointError unless it is one of http or https, over which a token may go where there is one */
export function checkHubUrl({ hubUrl, token }: Pick<HubAccess, 'hubUrl' | 'token'>): void {
  const url = URL.canParse(hubUrl) ? new URL(hubUrl) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new CheckpointError(`hubUrl (HF_ENDPOINT) must be an address like https://huggingface.co.`);
  // Checked here, since what refuses it later would repeat it.
  if (token && !/^[\x21-\x7e]+$/.test(token))
    throw new CheckpointError('the token (HF_TOKEN) holds characters that no token has.');
  if (token && !isSecure(url)) {
    throw new CheckpointError(
      `the token (HF_TOKEN) is not sent to ${url.origin} without encryption. Use https, or leave the token out.`,
    );
  }
}

/** Runs what waits for the network, and gives it up when it is silent. */
async function inTime<Result>(
  waiting: Promise<Result>,
  milliseconds: number,
  timeout: number,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new HubTimeout(`no answer within ${timeout / 1000} s`)),
      Math.max(0, milliseconds),
    );
  });
  try {
    return await Promise.race([waiting, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The pieces of a body, as long as they come, and no more than there may be. */
async function* pieces(
  body: ReadableStream<Uint8Array>,
  timeout: number,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  let [total, sinceMark, waited] = [0, 0, 0];
  try {
    for (;;) {
      const start = performance.now();
      const { done, value } = await inTime(reader.read(), timeout - waited, timeout);
      if (done) return;
      waited += performance.now() - start;
      sinceMark += value.length;
      if (sinceMark >= LEAST_BYTES) [sinceMark, waited] = [0, 0];
      total += value.length;
      if (total > maxBytes) throw new TooManyBytes(`more than ${maxBytes} bytes came`);
      yield value;
    }
  } finally {
    // Closes the connection where there is more to come.
    void reader.cancel().catch(() => undefined);
  }
}

/** A request as it goes to one address: the token to the hub alone, and nothing secret elsewhere. */
function requestFor(url: URL, init: RequestInit, { hubUrl, token }: HubAccess): RequestInit {
  const headers = new Headers(init.headers);
  headers.delete('Authorization');
  if (token && url.origin === new URL(hubUrl).origin && isSecure(url))
    headers.set('Authorization', `Bearer ${token}`);
  return { ...init, headers, redirect: 'manual' };
}

/** Where an answer sends to; undefined where it is the answer. */
function redirection(url: URL, response: Response): URL | undefined {
  const location = response.headers.get('Location');
  if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return undefined;
  const next = URL.canParse(location, url) ? new URL(location, url) : undefined;
  if (next === undefined || !/^https?:$/.test(next.protocol))
    throw new CheckpointError(`${url.origin} redirects to an address that is not one of http or https.`);
  if (isSecure(url) && !isSecure(next))
    throw new CheckpointError(`${url.origin} redirects to ${next.origin}, which has no encryption.`);
  return next;
}

/**
 * Asks for something that the hub has. It must begin to answer in time, and go on; redirections are few, never drop the
 * encryption, and never get the token of another host.
 *
 * @returns the answer, without its body, and the pieces of the body: no more bytes than `maxBytes`
 * @throws HubTimeout, TooManyBytes, and CheckpointError for redirections that are refused
 */
export async function askHub(
  address: string,
  init: RequestInit,
  access: HubAccess,
  maxBytes: number,
): Promise<{ readonly response: Response; readonly body: AsyncIterable<Uint8Array> }> {
  let url = new URL(address);
  let request = init;
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const stop = new AbortController();
    const asked = fetch(url, { ...requestFor(url, request, access), signal: stop.signal });
    let response: Response;
    try {
      response = await inTime(asked, access.timeout, access.timeout);
    } catch (error) {
      stop.abort();
      asked.catch(() => undefined);
      throw error;
    }
    const next = redirection(url, response);
    if (next === undefined) {
      const most = response.ok ? maxBytes : Math.min(maxBytes, ERROR_BYTES);
      return {
        response,
        body: response.body === null ? none() : pieces(response.body, access.timeout, most),
      };
    }
    void response.body?.cancel().catch(() => undefined);
    // As browsers do: what is found elsewhere is asked for without a body.
    if (response.status <= 303) request = { ...request, method: 'GET', body: null };
    url = next;
  }
  throw new CheckpointError(`${access.hubUrl} redirects more than ${MOST_REDIRECTS} times.`);
}

async function* none(): AsyncGenerator<Uint8Array, void> {}

/** `fetch` for the client of the hub: answers are whole, and small. */
export function boundedFetch(access: HubAccess, maxBytes: number): typeof fetch {
  return async (input, init = {}) => {
    const { response, body } = await askHub(String(input), init, access, maxBytes);
    const deadline = performance.now() + 2 * access.timeout;
    const chunks: Uint8Array[] = [];
    for await (const piece of body) {
      chunks.push(piece);
      if (performance.now() > deadline)
        throw new HubTimeout(`no whole answer within ${(2 * access.timeout) / 1000} s`);
    }
    const { status, statusText, headers } = response;
    const empty = [101, 204, 205, 304].includes(status);
    const whole = new Response(empty ? null : Buffer.concat(chunks), { status, statusText, headers });
    // Which the client names in its errors.
    return Object.defineProperty(whole, 'url', { value: String(input) });
  };
}
