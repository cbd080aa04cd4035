import { createHash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { isJsonObject, oneLine, parseJson } from '@foretoken/input';
import { z } from 'zod';
import { RunFolderError } from '../errors.js';
import { reasonOf, writing } from '../files.js';
import { describeProblems } from '../problems.js';

/** Bytes that are read at a time. */
const PIECE = 2 ** 20;
/** A line of the log holds the figures of one step. */
const MAX_LINE = 2 ** 20;

const NEW_LINE = 0x0a;

const ADVICE = 'Put the log back, or train on: training cuts it to its last checkpoint where it can.';

/** What readers rely on; `null` stands for NaN and infinities, which JSON does not have. */
const eventSchema = z.looseObject({
  type: z.string().optional(),
  step: z.int().nonnegative().optional(),
  loss: z.union([z.number(), z.string()]).nullish(),
  seconds: z.number().nullish(),
  flops: z.number().nullish(),
  parts: z.record(z.string(), z.number().nullable()).optional(),
  scores: z.record(z.string(), z.number().nullable()).optional(),
  validationLoss: z.number().nullish(),
});

/** The log of a run: a JSON object per line. */
export class RunLog {
  /** @param path - of the file, which may not be there yet */
  constructor(readonly path: string) {}

  append(event: object): void {
    writing(this.path, () => appendFileSync(this.path, `${JSON.stringify(event)}\n`));
  }

  /** Its length in bytes; 0 where there is none. */
  get size(): number {
    if (!existsSync(this.path)) return 0;
    const stats = this.#reading(() => statSync(this.path));
    if (!stats.isFile())
      throw new RunFolderError(`${this.path} is no file. Move it away and put the log back.`);
    return stats.size;
  }

  /** Makes what was logged durable. */
  sync(): void {
    if (this.size === 0) return;
    writing(this.path, () => {
      const file = openSync(this.path, 'r+');
      try {
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    });
  }

  /** Drops what was logged after a checkpoint: it will be logged again. Never makes the file longer. */
  cut(bytes: number): void {
    const { size } = this;
    if (bytes > size) throw new RunFolderError(this.#tooShort(bytes, size));
    if (bytes < size) writing(this.path, () => truncateSync(this.path, bytes));
  }

  #tooShort = (bytes: number, size: number): string =>
    `${this.path} has ${size} bytes, and had at least ${bytes}: its end is gone. Put it back.`;

  /**
   * SHA-256 of its first bytes, as a checkpoint keeps it.
   *
   * @returns undefined where it is shorter
   */
  digest(bytes: number): string | undefined {
    if (this.size < bytes) return undefined;
    const hash = createHash('sha256');
    for (const piece of this.#pieces(bytes)) hash.update(piece);
    return hash.digest('hex');
  }

  /** Its bytes in order, up to a length; the same memory is used again. */
  *#pieces(length = Number.POSITIVE_INFINITY): Generator<Buffer, void> {
    // Also refuses a pipe, for which `open` would wait for ever.
    if (this.size === 0) return;
    const file = this.#reading(() => openSync(this.path, 'r'));
    try {
      const buffer = Buffer.alloc(PIECE);
      for (let at = 0; at < length; ) {
        const read = this.#reading(() => readSync(file, buffer, 0, Math.min(PIECE, length - at), at));
        if (read === 0) return;
        yield buffer.subarray(0, read);
        at += read;
      }
    } finally {
      closeSync(file);
    }
  }

  #reading<Result>(read: () => Result): Result {
    try {
      return read();
    } catch (cause) {
      throw new RunFolderError(
        `cannot read ${this.path}: ${reasonOf(cause)}. Make it readable, or put the log back.`,
        { cause },
      );
    }
  }

  /**
   * All events, in order; a last line that was cut off is left out.
   *
   * @throws RunFolderError in one line that names the line which holds something else
   */
  events(): Record<string, unknown>[] {
    const found: Record<string, unknown>[] = [];
    for (const line of this.#lines()) found.push(this.#parse(line, found.length + 1));
    return found;
  }

  *#lines(): Generator<string, void> {
    let begun: Buffer[] = [];
    let length = 0;
    for (const piece of this.#pieces()) {
      let from = 0;
      for (let end = piece.indexOf(NEW_LINE); end >= 0; end = piece.indexOf(NEW_LINE, from)) {
        yield Buffer.concat([...begun, piece.subarray(from, end)]).toString('utf8');
        [begun, length, from] = [[], 0, end + 1];
      }
      begun.push(Buffer.from(piece.subarray(from)));
      length += piece.length - from;
      if (length > MAX_LINE)
        throw new RunFolderError(
          `${this.path} is no log: it has a line of over ${MAX_LINE} bytes. ${ADVICE}`,
        );
    }
  }

  #parse(line: string, number: number): Record<string, unknown> {
    const what = `${this.path}, line ${number}`;
    let value: unknown;
    try {
      value = parseJson(line, { what, maxLength: MAX_LINE, error: RunFolderError });
    } catch (cause) {
      throw new RunFolderError(`${(cause as Error).message.replace(/\.$/, '')}. ${ADVICE}`, { cause });
    }
    const result = eventSchema.safeParse(value);
    if (result.success) return result.data;
    const problems = isJsonObject(value) ? describeProblems(eventSchema, result.error) : 'it is no object';
    throw new RunFolderError(`${what} is no event (${oneLine(problems)}). ${ADVICE}`);
  }
}
