import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type MetricsEvent, SinkError, type StartEvent, WandbSink } from '../src/index.js';

const hasPython = spawnSync('python3', ['--version']).status === 0;

/** Stands for the package wandb: writes down what it is asked. */
const STAND_IN = `
import json, os
def note(*what):
    with open(os.environ["NOTES"], "a") as file: file.write(json.dumps(what) + "\\n")
class Summary:
    def update(self, values): note("summary", values)
class Run:
    summary = Summary()
    def log(self, figures, step):
        if figures.get("train/loss") == 666: raise ValueError("no such figure")
        note("log", step, figures)
    def finish(self, exit_code): note("finish", exit_code)
def init(**settings):
    note("init", settings)
    return Run()
`;

const start: StartEvent = {
  type: 'start',
  step: 0,
  steps: 2,
  parameters: 1,
  extraParameters: 0,
  flopsPerStep: 1,
  tokensPerStep: 1,
  reports: [],
};
const metrics = (step: number, loss: number): MetricsEvent => ({
  type: 'metrics',
  step,
  loss,
  parts: { offset1: 2 },
  gradientNorm: 1,
  learningRate: 0.1,
  flops: 1,
  tokens: 1,
  seconds: 1,
  tokensPerSecond: 1,
  peakBytes: 2 ** 20,
});

describe.skipIf(!hasPython)('the sink for Weights & Biases', () => {
  let scratch: string;
  let run: string;
  const notes = (): unknown[][] =>
    readFileSync(join(scratch, 'notes'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown[]);

  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), 'wandb-'));
    run = join(scratch, 'my run');
    mkdirSync(run);
    writeFileSync(join(run, 'config.json'), JSON.stringify({ objective: 'mutor', startedAt: 1e12 }));
    const modules = join(scratch, 'modules');
    mkdirSync(modules);
    writeFileSync(join(modules, 'wandb.py'), STAND_IN);
    const others = process.env['PYTHONPATH'];
    vi.stubEnv('PYTHONPATH', others === undefined ? modules : `${modules}${delimiter}${others}`);
    vi.stubEnv('NOTES', join(scratch, 'notes'));
    vi.stubEnv('WANDB_PROJECT', undefined);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    rmSync(scratch, { recursive: true });
  });

  it('hands over settings, figures and the end', async () => {
    const sink = await WandbSink.open(run);
    sink.write(start);
    sink.write(metrics(1, 0.5));
    sink.write({
      type: 'evaluation',
      step: 1,
      flops: 1,
      seconds: 1,
      scores: { accuracy: 0.25 },
      validationLoss: 3,
    });
    sink.write({ type: 'failure', step: 2, loss: 'NaN', gradientNorm: 'NaN', folder: run });
    await sink.close();
    const id = `my-run-${(1e12).toString(36)}`;
    const config = { objective: 'mutor', startedAt: 1e12 };
    const settings = { resume: 'allow', project: 'foretoken', name: 'my run', id, dir: run, config };
    const figures = {
      'train/loss': 0.5,
      'train/parts/offset1': 2,
      'train/gradientNorm': 1,
      'train/learningRate': 0.1,
      'progress/tokens': 1,
      'progress/tokensPerSecond': 1,
      'progress/peakMebibytes': 1,
    };
    expect(notes()).toEqual([
      ['init', settings],
      ['log', 1, figures],
      ['log', 1, { 'validation/loss': 3, 'validation/accuracy': 0.25 }],
      ['finish', 1],
    ]);
  });

  it('warns once, and lets the run go on, when the client ends', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const sink = await WandbSink.open(run);
    sink.write(start);
    sink.write(metrics(1, 666));
    await vi.waitFor(() => expect(warn).toHaveBeenCalledTimes(1), { timeout: 10_000 });
    sink.write(metrics(2, 0.5));
    await sink.close();
    expect(warn.mock.calls.map(([text]) => text)).toEqual([
      expect.stringMatching(/^wandb: the client ended with code 1; .*metrics\.jsonl has all figures\.$/),
    ]);
  });

  it('says in one line that the client is not there', async () => {
    rmSync(join(scratch, 'modules', 'wandb.py'));
    writeFileSync(
      join(scratch, 'modules', 'wandb.py'),
      'raise ModuleNotFoundError("No module named \'wandb\'")',
    );
    await expect(WandbSink.open(run)).rejects.toThrow(SinkError);
    await expect(WandbSink.open(run)).rejects.toThrow(
      /python3 cannot .* No module named 'wandb'\. Install it/,
    );
  });

  it('says in one line that Python is not there', async () => {
    await expect(WandbSink.open(run, { python: 'no-such-python' })).rejects.toThrow(
      /no-such-python cannot .*ENOENT.*FORETOKEN_PYTHON\.$/,
    );
  });
});
