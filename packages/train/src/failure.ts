import { TrainingError } from './errors.js';
import type { FailureEvent } from './events.js';
import type { RunFolder } from './run/run-folder.js';
import type { Session } from './session.js';
import type { TrainOptions } from './train-options.js';

/** An update whose loss or gradient is not finite. */
interface FailedUpdate {
  /** Counted from 0. */
  readonly step: number;
  readonly loss: number;
  readonly gradientNorm: number;
}

/** Saves the batch of an update, and the parameters before it: no later update has changed them. */
export async function keepFailure(
  session: Session,
  folder: RunFolder,
  { step, loss, gradientNorm }: FailedUpdate,
): Promise<FailureEvent> {
  const tensors = await session.save();
  const event: FailureEvent = {
    type: 'failure',
    step: step + 1,
    loss: String(loss),
    gradientNorm: String(gradientNorm),
    folder: folder.saveFailure(step + 1, session.preparedBatch(step), tensors),
  };
  folder.append(event);
  return event;
}

/** What a failure is told as. */
export function trainingError(
  { step, loss, gradientNorm, folder }: FailureEvent,
  { objective, seed }: TrainOptions,
): TrainingError {
  return new TrainingError(
    `${objective}, seed ${seed}: the loss is ${loss} and the gradient norm ${gradientNorm} at step ${step}. The batch and the parameters of step ${step - 1} are in ${folder}. Lower optimizer.learningRate.`,
  );
}
