import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { readJsonFile } from '@foretoken/input/node';
import { SinkError } from './errors.js';
import type { RunRecord, TrainEvent } from './events.js';
import { figuresOfEvent } from './figures-of-event.js';
import type { MetricsSink } from './sink.js';

/**
 * The other end, in Python, where the only maintained client is: a JSON object a line, the first says what run it is. One whose id
 * is known goes on.
 */
const BRIDGE = `
import json, sys
import wandb
print("ready", flush=True)
run = None
failed = False
for line in sys.stdin:
    message = json.loads(line)
    if "run" in message:
        run = wandb.init(resume="allow", **message["run"])
    elif run is not None and "figures" in message:
        run.log(message["figures"], step=message["step"])
    elif run is not None and "summary" in message:
        run.summary.update(message["summary"])
    elif "failed" in message:
        failed = True
if run is not None:
    run.finish(exit_code=1 if failed else 0)
`;

type Client = ChildProcessByStdio<Writable, Readable, Readable>;

export interface WandbOptions {
  /** A Python that can import wandb. Default: the environment variable FORETOKEN_PYTHON, else python3. */
  readonly python?: string;
  /** Default: the environment variable WANDB_PROJECT, else foretoken. */
  readonly project?: string;
}

/** Whether the client is there, and what it wrote if not. */
async function startClient(python: string): Promise<Client> {
  // In a process group of its own, so that Ctrl-C does not end it before it has sent everything.
  const client = spawn(python, ['-c', BRIDGE], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  let last = '';
  createInterface({ input: client.stderr }).on('line', (line) => {
    if (line.trim() !== '') last = line.trim();
  });
  const problem = await new Promise<string | undefined>((settle) => {
    client.once('error', ({ message }) => settle(message));
    client.once('close', (code) => settle(last === '' ? `it ended with code ${code}` : last));
    createInterface({ input: client.stdout }).on('line', (line) => {
      if (line === 'ready') settle(undefined);
    });
  });
  if (problem === undefined) return client;
  throw new SinkError(
    `wandb: ${python} cannot run the client of Weights & Biases: ${problem}. Install it (pip install wandb), or name another Python in FORETOKEN_PYTHON.`,
  );
}

/**
 * Sends figures, settings and the result of a run to Weights & Biases while it goes on, through its Python client, which heeds its own
 * environment variables (WANDB_API_KEY, WANDB_MODE=offline, ...). A run that was interrupted goes on there too. If the client
 * ends early, training goes on and a warning says so: `metrics.jsonl` has everything.
 */
export class WandbSink implements MetricsSink {
  #gone = false;
  readonly #ended: Promise<number | null>;

  private constructor(
    readonly folder: string,
    readonly project: string,
    readonly client: Client,
  ) {
    this.#ended = new Promise((settle) => {
      client.once('close', (code) => settle(code));
    });
    client.once('close', (code) => this.#lose(`the client ended with code ${code}`));
    client.stdin.on('error', ({ message }) => this.#lose(message));
    client.stderr.pipe(process.stderr);
  }

  /** @throws SinkError in one line where Python or its package wandb is not there */
  static async open(folder: string, options: WandbOptions = {}): Promise<WandbSink> {
    const { FORETOKEN_PYTHON, WANDB_PROJECT } = process.env;
    const client = await startClient(options.python ?? FORETOKEN_PYTHON ?? 'python3');
    return new WandbSink(folder, options.project ?? WANDB_PROJECT ?? 'foretoken', client);
  }

  write(event: TrainEvent): void {
    if (event.type === 'start') this.#send({ run: this.#describe() });
    if (event.type === 'failure') this.#send({ failed: true });
    if (event.type === 'done') {
      const { scores, steps, modelStep, validationLoss, parameters, seconds, flops } = event.summary;
      this.#send({ summary: { ...scores, steps, modelStep, validationLoss, parameters, seconds, flops } });
    }
    const figures = figuresOfEvent(event);
    if (figures !== undefined && 'step' in event) this.#send({ step: event.step, figures });
  }

  /** Waits until everything has been handed over. */
  async close(): Promise<void> {
    const before = this.#gone;
    this.#gone = true;
    this.client.stdin.end();
    const code = await this.#ended;
    if (!before && code !== 0) this.#warn(`the client ended with code ${code}`);
  }

  /** What the run is called there. The id is the same whenever the run goes on. */
  #describe(): Record<string, unknown> {
    const record = readJsonFile(join(this.folder, 'config.json'), { error: SinkError }) as RunRecord;
    const name = basename(resolve(this.folder));
    const id = `${name.replaceAll(/[^\w-]/g, '-')}-${(record.startedAt ?? 0).toString(36)}`;
    return { project: this.project, name, id, dir: this.folder, config: record };
  }

  #send(message: object): void {
    if (!this.#gone) this.client.stdin.write(`${JSON.stringify(message)}\n`);
  }

  #lose(why: string): void {
    if (!this.#gone) this.#warn(why);
    this.#gone = true;
  }

  #warn(why: string): void {
    process.emitWarning(
      `wandb: ${why}; nothing more is sent. ${join(this.folder, 'metrics.jsonl')} has all figures.`,
    );
  }
}
