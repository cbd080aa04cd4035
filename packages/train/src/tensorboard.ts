// Event files: records as TFRecord has them (tensorflow/core/lib/io/record_writer.h), each a protobuf message Event
// (tensorflow/core/util/event.proto). Read by TensorBoard and everything else that reads `events.out.tfevents` files.
import { appendFileSync, mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { TrainEvent } from './events.js';
import { figuresOfEvent } from './figures-of-event.js';
import { writing } from './files.js';
import type { MetricsSink } from './sink.js';

const POLYNOMIAL = 0x82f63b78;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32C (Castagnoli). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** A checksum as records store it: turned and shifted, since a checksum of data with checksums would be weak. */
export const maskedCrc32c = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
};

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** A TFRecord: length, its checksum, data, their checksum. */
export function tfRecord(data: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, uint32(maskedCrc32c(length)), data, uint32(maskedCrc32c(data))]);
}

/** Kinds of fields in protobuf. */
const WIRE = { varint: 0, double: 1, bytes: 2, float: 5 } as const;

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

const tag = (field: number, wire: number): Buffer => varint(field * 8 + wire);

function doubleField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([tag(field, WIRE.double), bytes]);
}

function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([tag(field, WIRE.float), bytes]);
}

const varintField = (field: number, value: number): Buffer =>
  Buffer.concat([tag(field, WIRE.varint), varint(value)]);

function bytesField(field: number, value: Uint8Array | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([tag(field, WIRE.bytes), varint(bytes.length), bytes]);
}

/** Fields of Event. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const SESSION_START = 1;

const event = (wallTime: number, step: number, what: Buffer): Buffer =>
  Buffer.concat([doubleField(EVENT.wallTime, wallTime), varintField(EVENT.step, step), what]);

/** An Event with the version of the format, which every file begins with. */
export const versionEvent = (wallTime: number): Buffer =>
  Buffer.concat([doubleField(EVENT.wallTime, wallTime), bytesField(EVENT.fileVersion, 'brain.Event:2')]);

/** An Event that says a run goes on behind `step`: readers forget what they read of later steps. */
const restartEvent = (wallTime: number, step: number): Buffer =>
  event(wallTime, step + 1, bytesField(EVENT.sessionLog, varintField(1, SESSION_START)));

/** An Event with figures of a step. */
export const scalarEvent = (
  wallTime: number,
  step: number,
  figures: Readonly<Record<string, number>>,
): Buffer => {
  const values = Object.entries(figures).map(([name, value]) =>
    bytesField(1, Buffer.concat([bytesField(1, name), floatField(2, value)])),
  );
  return event(wallTime, step, bytesField(EVENT.summary, Buffer.concat(values)));
};

/**
 * Writes event files for TensorBoard: one for each process that worked on the run. A run that goes on tells TensorBoard
 * to forget what the interrupted process had written behind the checkpoint.
 *
 * @param folder - made with the first event
 * @throws RunFolderError in one line, where the system refuses
 */
export class TensorBoardSink implements MetricsSink {
  #path: string | undefined;

  constructor(readonly folder: string) {}

  write(happened: TrainEvent): void {
    const now = Date.now() / 1000;
    if (happened.type === 'start') {
      this.#append(now, versionEvent(now));
      if (happened.step > 0) this.#append(now, restartEvent(now, happened.step));
      return;
    }
    const figures = figuresOfEvent(happened);
    if (figures !== undefined && 'step' in happened)
      this.#append(now, scalarEvent(now, happened.step, figures));
  }

  close(): void {}

  #append(now: number, data: Buffer): void {
    writing(this.folder, () => {
      if (this.#path === undefined) {
        mkdirSync(this.folder, { recursive: true });
        this.#path = join(this.folder, `events.out.tfevents.${Math.floor(now)}.${hostname()}.${process.pid}`);
      }
      appendFileSync(this.#path, tfRecord(data));
    });
  }
}
