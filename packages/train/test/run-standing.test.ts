import { expect, it } from 'vitest';
import { parseProgress } from '../src/run/progress.js';
import { RunStanding } from '../src/run-standing.js';

const free = { flops: 0, tokens: 0 };

it('keeps the most memory of all processes that worked on a run', () => {
  const first = new RunStanding();
  first.noteMemory({ peakBytes: 200 });
  const next = new RunStanding();
  next.resume(parseProgress(JSON.stringify(first.progress(0))), free);
  next.noteMemory({ peakBytes: 100 });
  expect(next.peakBytes).toBe(200);
  next.noteMemory({ peakBytes: 300 });
  expect(next.peakBytes).toBe(300);
});

it('knows of no memory where an earlier version saved', () => {
  const standing = new RunStanding();
  standing.resume(parseProgress('{"step": 3}'), { flops: 2, tokens: 1 });
  expect(standing).toMatchObject({ step: 3, flops: 6, tokens: 3, peakBytes: 0 });
});
