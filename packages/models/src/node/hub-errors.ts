import { oneLine } from '@foretoken/input';
import { CheckpointError } from '../checkpoint/errors.js';
import { HubTimeout } from './hub-fetch.js';

/** An answer of the hub that is an error. Told by its field, since the client is not loaded where it is not used. */
export const statusOf = (error: unknown): number | undefined =>
  typeof error === 'object' && error !== null && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;

/** An answer that is an error. */
export class HubStatusError extends Error {
  private constructor(
    readonly statusCode: number,
    message: string,
  ) {
    super(message);
  }

  /** @param body - which says why, as JSON or as text */
  static async of(status: number, body: AsyncIterable<Uint8Array>): Promise<HubStatusError> {
    const chunks: Uint8Array[] = [];
    for await (const piece of body) chunks.push(piece);
    const text = Buffer.concat(chunks).toString('utf8');
    try {
      const { error } = JSON.parse(text) as { readonly error?: unknown };
      if (typeof error === 'string') return new HubStatusError(status, error);
    } catch {
      // Told as text.
    }
    return new HubStatusError(status, text || `status ${status}`);
  }
}

/** What `fetch` throws without an answer, or when one breaks off; the client hands on its text alone at times. */
const NETWORK = /fetch failed|terminated|aborted|timeout|ECONN|EPIPE|socket/i;

/** Whether there was no answer, or one that says nothing of the model. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof HubTimeout) return true;
  const status = statusOf(error);
  if (status !== undefined) return status >= 500 || status === 429;
  return NETWORK.test(error instanceof Error ? error.message : String(error));
}

/** The innermost reason: `fetch failed` says little, its cause says why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? cause.message || reasonOf(cause) || error.message : error.message;
}

/** What went wrong with a model of the hub, in one line. */
export function hubError(model: string, hubUrl: string, revision: string, error: unknown): CheckpointError {
  const status = statusOf(error);
  const reason = oneLine(reasonOf(error));
  const say = (message: string): CheckpointError => new CheckpointError(message, { cause: error });
  switch (status) {
    case 401:
    case 403:
      return say(
        `${model} on ${hubUrl} is gated, private, or does not exist (status ${status}: ${reason}). Accept its terms on its page, and set HF_TOKEN or the option token.`,
      );
    case 404:
      return say(
        `${hubUrl} has no model ${model} with revision ${revision}, and there is no such folder (${reason}).`,
      );
    case undefined:
      if (!isUnreachable(error)) return say(`${model} could not be fetched from ${hubUrl} (${reason}).`);
      return say(
        `${model} is not in the cache, and ${hubUrl} cannot be reached (${reason}). Check the network, or give a folder.`,
      );
    default:
      return say(`${hubUrl} answered status ${status} for ${model} (${reason}). Try again later.`);
  }
}
