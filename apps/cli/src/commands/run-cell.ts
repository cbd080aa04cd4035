import { text } from 'node:stream/consumers';
import { studyOfObjectives } from '@foretoken/train';
import { kindOf } from '../comparison/kinds.js';
import { performRun, type RunRequest } from '../comparison/run.js';
import { openTunedDevice } from '../device.js';
import { interruptSignal } from '../signals.js';

/** A process of `compare --jobs`: reads one request from standard input, prints events as lines of JSON. */
export async function runCell(): Promise<void> {
  const request = JSON.parse(await text(process.stdin)) as RunRequest;
  const { recipe, objective, seed } = request.run;
  const kind = kindOf({ ...studyOfObjectives(recipe, [objective], [seed]), measure: request.settings });
  const device = await openTunedDevice();
  await performRun(device, kind, request, {
    signal: interruptSignal(),
    onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  });
  device.close();
}
