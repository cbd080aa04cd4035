import { join } from 'node:path';
import type { Device } from '@foretoken/tensor';
import { type PlannedRun, type Study, type TrainEvent, train, trainedSession } from '@foretoken/train';
import type { ComparisonKind } from './kind.js';
import { keepMeasures, readMeasures } from './study-folder.js';

/** All that a run of a study needs to know: also what is sent to a process that makes it. */
export interface RunRequest {
  readonly run: PlannedRun;
  /** Folder of the study. */
  readonly out: string;
  /** How it is measured. */
  readonly settings: Study['measure'];
  readonly command: string;
  readonly commit: string | undefined;
}

/**
 * Trains a run and measures what it ended with. What has been done before is not done again, so that whenever the process
 * ends the next one goes on.
 */
export async function performRun(
  device: Device,
  kind: ComparisonKind,
  { run, out, settings, command, commit }: RunRequest,
  { signal, onEvent }: { readonly signal: AbortSignal; readonly onEvent: (event: TrainEvent) => void },
): Promise<void> {
  const folder = join(out, run.folder);
  const { recipe, objective, seed } = run;
  const events = train({
    device,
    recipe,
    objective,
    seed,
    folder,
    command,
    signal,
    ...(commit ? { commit } : {}),
  });
  for await (const event of events) onEvent(event);
  if (kind.measure === undefined || readMeasures(folder) !== undefined) return;
  signal.throwIfAborted();
  const measure = (done: number): void => onEvent({ type: 'phase', phase: 'measure', done, total: 1 });
  measure(0);
  const session = await trainedSession(device, folder);
  try {
    keepMeasures(folder, await kind.measure(session, settings, { folder, out, dataset: run.dataset }));
  } finally {
    session.dispose();
    measure(1);
  }
}
