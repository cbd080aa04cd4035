import type { RunSummary } from './events.js';

/** What summaries held before tasks could have metrics of their own. */
export interface OlderSummary {
  readonly exactMatch: number;
  readonly firstHop: number;
}

/** A summary of an earlier version as those of today are. */
export function fromOlder({
  exactMatch = 0,
  firstHop = 0,
  ...rest
}: RunSummary & Partial<OlderSummary>): RunSummary {
  return {
    ...rest,
    scores: { exactMatch, firstHop },
    modelStep: rest.steps,
    validationLoss: null,
    model: null,
  };
}
