import type { RunSummary, TrainEvent } from '@foretoken/train';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatSpan } from '../src/format.js';
import { columnsOf, fitLine, piece } from '../src/progress/fit.js';
import { Progress } from '../src/progress/progress.js';
import { phaseText, RunLine } from '../src/progress/run-line.js';
import { secondsLeftOfAll } from '../src/progress/total.js';

const metrics = (step: number): TrainEvent => ({
  type: 'metrics',
  step,
  loss: 3.109,
  parts: { nextToken: 1.589, registers: 6.657, offset1: 5.952, offset2: 7.509, offset3: 6.877 },
  gradientNorm: 1,
  learningRate: 1e-3,
  flops: 1e9,
  tokens: 1000,
  seconds: 1,
  tokensPerSecond: 1260,
  peakBytes: 2 ** 25,
});
const start = (steps: number, step = 0): TrainEvent => ({
  type: 'start',
  step,
  steps,
  parameters: 1,
  extraParameters: 0,
  flopsPerStep: 1,
  tokensPerStep: 1,
  reports: [],
});
const evaluation = (step: number): TrainEvent => ({
  type: 'evaluation',
  step,
  flops: 1,
  seconds: 1,
  scores: {},
  validationLoss: 1.5423,
});
const done = (steps: number): TrainEvent => ({
  type: 'done',
  summary: { steps, scores: {}, solvedAtStep: null } as unknown as RunSummary,
});

/** A run at step 300 of 600, 1 second a step. */
function midway(label = 'tinystories lora-mutor seed 0'): RunLine {
  const line = new RunLine({ label, steps: 600 });
  line.update(start(600), 0);
  line.update(metrics(100), 100_000);
  line.update(metrics(300), 300_000);
  line.update(evaluation(300), 300_000);
  return line;
}

describe('a line of progress', () => {
  it.each([60, 80, 120, 200])(
    'has metric, rate and time before the parts of the loss in %i columns',
    (width) => {
      const text = fitLine(midway().pieces(300_000), width);
      expect(columnsOf(text)).toBeLessThanOrEqual(width);
      expect(text).toContain('tinystories lora-mutor seed 0');
      expect(text).toContain('300/600');
      expect(text).toMatch(/5:00 left|validation loss 1\.542/);
      const parts = text.indexOf('(');
      if (parts < 0) return;
      for (const found of ['validation loss 1.542', '1.26k tokens/s', '5:00 left', 'loss 3.109'])
        expect(text.indexOf(found), found).toBeLessThan(parts);
    },
  );

  it('drops the least important first, and cuts nothing in the middle', () => {
    const at = (width: number): string => fitLine(midway('mutor seed 0').pieces(300_000), width);
    expect(at(200)).toBe(
      'mutor seed 0  ██████████░░░░░░░░░░  step 300/600  validation loss 1.542  1.26k tokens/s  at most 5:00 left  loss 3.109  32.0 MiB  (nextToken 1.589, registers 6.657, offset1 5.952, offset2 7.509, …)',
    );
    expect(at(120)).toBe(
      'mutor seed 0  ██████░░░░░░  step 300/600  validation loss 1.542  1.26k tokens/s  at most 5:00 left  loss 3.109  32.0 MiB',
    );
    expect(at(80)).toBe('mutor seed 0  ████░░░░  300/600  validation loss 1.542  5:00 left  loss 3.109');
    expect(at(60)).toBe('mutor seed 0  step 300/600  validation loss 1.542  5:00 left');
  });

  it('shortens a name that alone is too long', () => {
    expect(fitLine([piece(2, 'x'.repeat(50)), piece(1, 'y')], 10)).toBe(`${'x'.repeat(9)}…`);
  });

  it('says what a run does before its first update', () => {
    const line = new RunLine({ label: 'ntp', steps: 10 });
    line.update({ type: 'phase', phase: 'weights', done: 240e6, total: 988e6, unit: 'bytes' }, 0);
    expect(fitLine(line.pieces(9000), 60)).toBe('ntp  ░░░░░░░░  step 0/10  loading weights 240/988 MB  0:09');
    line.update({ type: 'phase', phase: 'compile', done: 12, total: 33, unit: 'shaders' }, 10_000);
    expect(fitLine(line.pieces(11_000), 80)).toContain('compiling 12/33 shaders');
    line.update(start(10), 12_000);
    expect(fitLine(line.pieces(12_000), 80)).not.toContain('compiling');
  });

  it('names phases and bytes', () => {
    expect(phaseText({ phase: 'validation', done: 12, total: 64, unit: 'batches' })).toBe(
      'validation 12/64 batches',
    );
    expect(phaseText({ phase: 'data' })).toBe('reading the data');
    expect(formatBytes(0.25e9, 1.5e9)).toBe('0.3/1.5 GB');
    expect([7, 66, 60, 7500, 200_000].map(formatSpan)).toEqual([
      '7 s',
      '1 min 6 s',
      '1 min',
      '2 h 5 min',
      '2 days 7 h',
    ]);
  });
});

describe('the time that is left for all runs', () => {
  it('counts those that wait by the pace of their kind', () => {
    const lines = [midway('a'), ...['a', 'b'].map((kind) => new RunLine({ label: kind, steps: 100, kind }))];
    // 300 steps of the first, 100 of its kind, 100 of another, all at 1 second.
    expect(secondsLeftOfAll(lines, 1, 300_000)).toBeCloseTo(500, 6);
    expect(secondsLeftOfAll(lines, 2, 300_000)).toBeCloseTo(300, 6);
    expect(secondsLeftOfAll(lines.slice(1), 1, 0)).toBeUndefined();
  });
});

/** A stream that keeps what is written. */
function recorded(terminal: { readonly columns: number } | undefined): {
  stream: NodeJS.WriteStream;
  text: () => string;
} {
  let text = '';
  const stream = {
    isTTY: terminal !== undefined,
    rows: 40,
    ...terminal,
    write: (chunk: string) => {
      text += chunk;
      return true;
    },
  } as unknown as NodeJS.WriteStream;
  return { stream, text: () => text };
}

const ESCAPE = '\u001b';
const LABELS = ['ntp seed 0', 'mutor seed 0'];

describe('progress', () => {
  it('tells now and then where there is no terminal, with one total', () => {
    let now = 0;
    const { stream, text } = recorded(undefined);
    const progress = new Progress(
      LABELS.map((label) => ({ label, steps: 100 })),
      { stream, now: () => now },
    );
    progress.update(0, start(100));
    progress.update(0, { type: 'phase', phase: 'compile', done: 1, total: 9, unit: 'shaders' });
    now = 6000;
    progress.update(0, { type: 'phase', phase: 'compile', done: 8, total: 9, unit: 'shaders' });
    progress.update(0, metrics(50));
    now = 56_000;
    progress.update(0, metrics(100));
    progress.update(0, done(100));
    progress.update(1, done(100));
    progress.end();
    const lines = text().trim().split('\n');
    expect(lines[0]).toBe('ntp seed 0: compiling 8/9 shaders');
    expect(lines[1]).toMatch(/^ntp seed 0: done; 1 of 2 runs done {2}at most 0:56 left for all {2}until /);
    expect(lines[2]).toBe('mutor seed 0: was finished before');
    expect(lines).toHaveLength(3);
  });

  it.each([60, 80, 120, 200])(
    'is redrawn on a terminal of %i columns, and leaves its last state once',
    (columns) => {
      let now = 0;
      const { stream, text } = recorded({ columns });
      const progress = new Progress([{ label: 'a-long-name-of-a-variant on-some-data seed 0', steps: 600 }], {
        stream,
        now: () => now,
      });
      for (const event of [
        start(600),
        metrics(100),
        metrics(300),
        evaluation(300),
        metrics(600),
        done(600),
      ]) {
        progress.update(0, event);
        now += 1000;
      }
      progress.end();
      const before = text();
      progress.end();
      expect(text()).toBe(before);
      const shown = before.split(ESCAPE).flatMap((each) => each.replace(/^\[\d*[AJK]/, '').split('\n'));
      for (const line of shown) expect(columnsOf(line)).toBeLessThan(columns);
      // Each drawing but the first goes up over the one before.
      expect(before.split('\u001b[2K')).toHaveLength(before.split('\u001b[1A').length + 1);
    },
  );

  it('counts runs that are not planned yet, and keeps what it is told', () => {
    const { stream, text } = recorded({ columns: 80 });
    const progress = new Progress([], { stream });
    progress.expect(3);
    const at = progress.add({ label: 'classifier', steps: 10 });
    progress.update(at, start(10));
    progress.tell('a line that stays');
    progress.update(at, done(10));
    progress.end();
    expect(text()).toContain('0 of 3 runs done');
    expect(text()).toContain('1 of 3 runs done');
    expect(text()).toContain(`${ESCAPE}[2A${ESCAPE}[Ja line that stays\n`);
  });
});
