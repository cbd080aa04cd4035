import type { TrainEvent } from './events.js';

/**
 * Takes what happens in a run: for dashboards and trackers of any kind. A sink hears every event in order, but for phases, which are not logged. After an
 * interruption the `start` event says from which step the run goes on; what a sink heard of later steps is heard again.
 */
export interface MetricsSink {
  write(event: TrainEvent): void | Promise<void>;
  /** Called once, also when the run fails or is interrupted. */
  close(): void | Promise<void>;
}
