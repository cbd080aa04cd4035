import { text } from 'node:stream/consumers';
import { train } from '@foretoken/train';
import { openTunedDevice } from '../device.js';
import type { ChildRequest } from '../grid.js';
import { interruptSignal } from '../signals.js';

/** A process of `compare --jobs`: reads one request from standard input, prints events as lines of JSON. */
export async function runCell(): Promise<void> {
  const request = JSON.parse(await text(process.stdin)) as ChildRequest;
  const { commit, ...rest } = request;
  const device = await openTunedDevice();
  const events = train({ ...rest, device, signal: interruptSignal(), ...(commit ? { commit } : {}) });
  for await (const event of events) process.stdout.write(`${JSON.stringify(event)}\n`);
  device.close();
}
