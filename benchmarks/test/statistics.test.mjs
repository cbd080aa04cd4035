import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareLosses } from '../lib/losses.mjs';
import { markdown } from '../lib/report.mjs';
import { quantile, speedRatio, summarize } from '../lib/statistics.mjs';

const round = (stepMs, more = {}) => ({
  stepMs,
  firstStepMs: 900,
  setupMs: 100,
  cpuSecondsPerStep: 0.5,
  ...more,
});

test('quantiles interpolate', () => {
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.equal(quantile([10, 20, 30], 0.25), 15);
  assert.equal(quantile([7], 0.9), 7);
});

test('a summary pools the steps and tells cold from warm', () => {
  const summary = summarize([round([100, 200]), round([400], { firstStepMs: 50, peakBytes: 7 })], 1000);
  assert.equal(summary.tokensPerSecond, 5000);
  assert.equal(summary.bestTokensPerSecond, 10_000);
  assert.equal(summary.firstStepMsCold, 900);
  assert.equal(summary.firstStepMsWarm, 50);
  assert.equal(summary.peakBytes, 7);
  assert.equal(summarize([{ error: 'lost' }], 1000), undefined);
});

test('ratios are taken round by round; failed rounds count for nothing', () => {
  const ours = [round([100]), round([200]), round([100])];
  const theirs = [round([300]), { error: 'lost' }, round([500])];
  assert.equal(speedRatio(ours, theirs), 4);
  assert.equal(speedRatio(ours, [{ error: 'a' }, { error: 'b' }, { error: 'c' }]), undefined);
});

test('losses that differ are found, NaN and a shared shorter run included', () => {
  const found = compareLosses(
    new Map([
      ['reference', [4, 3, 2]],
      ['same', [4.00001, 3, 2.001]],
      ['late', [4, 3, 2.01]],
      ['early', [4.001, 3, 2]],
      ['nan', [4, 3, Number.NaN]],
      ['short', [4, 3.1]],
    ]),
    'reference',
  );
  const agrees = Object.fromEntries(found.map((each) => [each.id, each.agrees]));
  assert.deepEqual(agrees, {
    reference: true,
    same: true,
    late: false,
    early: false,
    nan: false,
    short: false,
  });
  assert.equal(found.find(({ id }) => id === 'short').update, 1);
});

test('the report says it when losses disagree and when a contestant failed', () => {
  const text = markdown({
    conditions: { date: 'today', loadBefore: [0], loads: { min: 0, max: 1 } },
    versions: [],
    rounds: 1,
    disagreements: ['tfjs at size S'],
    sizes: [
      {
        size: { name: 'S', batch: 2, context: 3 },
        contestants: [{ id: 'a', title: 'A', errors: ['exit status 1'], summary: undefined }],
        losses: [],
      },
    ],
  });
  assert.match(text, /\*\*LOSSES DISAGREE: tfjs at size S/);
  assert.match(text, /\| A \| failed: exit status 1 \|/);
});
