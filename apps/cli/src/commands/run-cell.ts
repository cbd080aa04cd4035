import { parseJson } from '@foretoken/input';
import { studyOfObjectives } from '@foretoken/train';
import { kindOf } from '../comparison/kinds.js';
import { performRun, type RunRequest } from '../comparison/run.js';
import { openTunedDevice } from '../device.js';
import { UsageError } from '../errors.js';
import { hearOrders } from '../signals.js';

/** A process of `compare --jobs`: reads one request from standard input, prints events as lines of JSON. */
export async function runCell(): Promise<void> {
  const { request: line, signal } = hearOrders();
  const text = await line;
  if (text === undefined) throw new UsageError('run-cell: "foretoken compare --jobs" starts this.');
  const request = parseJson(text, { what: 'run-cell' }) as RunRequest;
  const { recipe, objective, seed } = request.run;
  const kind = kindOf({ ...studyOfObjectives(recipe, [objective], [seed]), measure: request.settings });
  signal.throwIfAborted();
  const device = await openTunedDevice();
  await performRun(device, kind, request, {
    signal,
    onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  });
  device.close();
}
