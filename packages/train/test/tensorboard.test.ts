import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { MetricsEvent } from '../src/index.js';
import { crc32c, maskedCrc32c, scalarEvent, TensorBoardSink, tfRecord } from '../src/tensorboard.js';

const scratch = mkdtempSync(join(tmpdir(), 'foretoken-tensorboard-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** The data of the records of a file, with both checksums tested. */
function records(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedCrc32c(data));
    found.push(data);
    at += 16 + length;
  }
  return found;
}

/** The fields of a protobuf message by number: numbers, or bytes. */
function fields(message: Buffer): [number, number | Buffer][] {
  const found: [number, number | Buffer][] = [];
  let at = 0;
  const varint = (): number => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = message[at++] as number;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  };
  while (at < message.length) {
    const key = varint();
    const [field, wire] = [Math.floor(key / 8), key % 8];
    if (wire === 0) found.push([field, varint()]);
    else if (wire === 1) {
      found.push([field, message.readDoubleLE(at)]);
      at += 8;
    } else if (wire === 5) {
      found.push([field, message.readFloatLE(at)]);
      at += 4;
    } else {
      const length = varint();
      found.push([field, message.subarray(at, at + length)]);
      at += length;
    }
  }
  return found;
}

const metrics = (step: number): MetricsEvent => ({
  type: 'metrics',
  step,
  loss: 1.5,
  parts: { nextToken: 1.25 },
  gradientNorm: 2,
  learningRate: 0.5,
  flops: 1,
  tokens: 100,
  seconds: 1,
  tokensPerSecond: 100,
  peakBytes: 2 ** 21,
});

describe('event files', () => {
  it('has the checksums of RFC 3720, B.4', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  });

  it('writes a record byte for byte', () => {
    const data = scalarEvent(1, 300, { a: 1 });
    // wall_time 1.0; step 300; summary { value { tag "a", simple_value 1.0 } }
    expect(data.toString('hex')).toBe(`09${'000000000000f03f'}10ac022a0a0a080a0161150000803f`);
    const record = tfRecord(data);
    expect(record.length).toBe(data.length + 16);
    // The length 24 and its masked checksum, as TensorFlow writes them before every record of 24 bytes.
    expect(record.subarray(0, 12).toString('hex')).toBe('1800000000000000a37f4b22');
  });

  it('is read back with names, steps and values, and restarts behind a checkpoint', () => {
    const sink = new TensorBoardSink(join(scratch, 'board'));
    const start = {
      steps: 400,
      parameters: 1,
      extraParameters: 0,
      flopsPerStep: 1,
      tokensPerStep: 1,
      reports: [],
    };
    sink.write({ type: 'start', step: 300, ...start });
    sink.write(metrics(310));
    sink.write({
      type: 'evaluation',
      step: 310,
      flops: 1,
      seconds: 1,
      scores: { f1: 0.5 },
      validationLoss: 3,
    });
    const [name] = readdirSync(sink.folder);
    expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
    const events = records(readFileSync(join(sink.folder, name as string))).map(
      (each) => new Map(fields(each)),
    );
    expect(events).toHaveLength(4);
    expect(String(events[0]?.get(3))).toBe('brain.Event:2');
    expect(events[1]?.get(2)).toBe(301);
    expect(fields(events[1]?.get(7) as Buffer)).toEqual([[1, 1]]);
    const figures = (event: Map<number, number | Buffer> | undefined) =>
      Object.fromEntries(
        fields(event?.get(5) as Buffer).map(([, value]) => {
          const of = new Map(fields(value as Buffer));
          return [String(of.get(1)), of.get(2)];
        }),
      );
    expect(events[2]?.get(2)).toBe(310);
    expect(figures(events[2])).toMatchObject({ 'train/loss': 1.5, 'train/parts/nextToken': 1.25 });
    expect(figures(events[3])).toEqual({ 'validation/loss': 3, 'validation/f1': 0.5 });
  });
});
