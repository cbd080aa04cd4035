import {
  type Drafter,
  type OffsetReport,
  SpeculativeGenerator,
  TokenGenerator,
  type Transformer,
} from '@foretoken/models';
import { type Device, HostRandom } from '@foretoken/tensor';
import { median } from '../statistics.js';
import { AdapterCosts, bytesOfToken } from './decoding-bound.js';

export interface SpeculationResult {
  /** `registers` or `heads`. */
  readonly drafts: string;
  /** Tokens that are guessed at a time. */
  readonly draftCount: number;
  /** New tokens that were compared with plain greedy decoding, and how many differed. */
  readonly comparedTokens: number;
  readonly differentTokens: number;
  readonly acceptanceRate: number | null;
  readonly offsets: readonly OffsetReport[];
  readonly tokensPerPass: number;
  readonly tokensPerSecond: number;
  /** Time of plain decoding over that with drafts, for the same tokens, in turns. */
  readonly speedUp: number;
}

export interface GenerateResult {
  readonly size: string;
  readonly adapter: string;
  /** Sequences that are continued at once. */
  readonly sequences: number;
  readonly promptTokens: number;
  readonly newTokens: number;
  /** New tokens of all sequences, at the median time between two of them. */
  readonly tokensPerSecond: number;
  /** Median time of one more token for every sequence. */
  readonly tokenMs: number;
  /** From the call to the first token, when all is compiled. */
  readonly promptMs: number;
  /** The same for the very first call: tracing and compilation included. */
  readonly firstPromptMs: number;
  /** Kernels of one more token; null without timestamp queries, as is what follows from it. */
  readonly dispatches: number | null;
  readonly emptyDispatchMicroseconds: number;
  readonly gigabytesPerSecond: number;
  /** Weights, and keys and values in the middle of the run. */
  readonly bytesPerToken: number;
  /** What the adapter's own costs come to: dispatches at the cost of an empty one, and bytes at measured bandwidth. */
  readonly boundMs: number | null;
  readonly boundRatio: number | null;
  readonly speculation: SpeculationResult | null;
}

/** What is measured. */
export interface GenerateSubject {
  readonly name: string;
  readonly model: Transformer;
  /** All of one length. A turn continues the next `sequences` of them, and begins again at the end. */
  readonly prompts: readonly ArrayLike<number>[];
  readonly sequences: number;
  readonly newTokens: number;
  readonly drafter?: Drafter | undefined;
  /** Turns go on until this many tokens were compared; without a drafter there are `LEAST_TURNS`. */
  readonly compareTokens: number;
}

const LEAST_TURNS = 3;

/** New tokens of each sequence, and milliseconds up to each pass since the one before it. */
interface Run {
  readonly tokens: readonly number[][];
  readonly times: readonly number[];
}

async function timed(stream: AsyncIterable<readonly (readonly number[])[]>, sequences: number): Promise<Run> {
  const tokens = Array.from({ length: sequences }, (): number[] => []);
  const times: number[] = [];
  let last = performance.now();
  for await (const fresh of stream) {
    const now = performance.now();
    times.push(now - last);
    last = now;
    fresh.forEach((added, row) => {
      tokens[row]?.push(...added);
    });
  }
  return { tokens, times };
}

/** Prompts of random ids, a quarter of the context long, and tokens up to its end. */
export function randomPrompts(
  { config }: Transformer,
  seed: number,
  count: number,
): Pick<GenerateSubject, 'prompts' | 'newTokens'> {
  const { maxPositions, vocabularySize } = config;
  const length = Math.max(1, Math.floor(maxPositions / 4));
  const random = new HostRandom(seed, 2);
  const prompts = Array.from({ length: count }, () =>
    Int32Array.from({ length }, () => random.integer(vocabularySize)),
  );
  return { prompts, newTokens: maxPositions - length + 1 };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * Continues prompts greedily with a key/value cache, plainly and with drafts in turns, and measures in the same turns
 * what the adapter's own costs are.
 */
export async function benchGenerate(device: Device, subject: GenerateSubject): Promise<GenerateResult> {
  const { name, model, prompts, sequences, newTokens, drafter, compareTokens } = subject;
  const generator = new TokenGenerator(model, { batch: sequences });
  const speculative = drafter && new SpeculativeGenerator(model, drafter);
  const costs = new AdapterCosts(device);
  const options = { maxNewTokens: newTokens, greedy: true };
  const groupOf = (turn: number): ArrayLike<number>[] =>
    Array.from({ length: sequences }, (_, row) => prompts[(turn * sequences + row) % prompts.length] ?? []);
  const plain = (turn: number): Promise<Run> =>
    timed(
      (async function* () {
        for await (const { tokens } of generator.stream(groupOf(turn), options))
          yield Array.from(tokens, (token) => [token]);
      })(),
      sequences,
    );
  const drafted = (generate: SpeculativeGenerator, turn: number): Promise<Run> =>
    timed(
      (async function* () {
        for await (const tokens of generate.stream(groupOf(turn)[0] ?? [], options)) yield [tokens];
      })(),
      1,
    );
  const tokenTimes: number[] = [];
  const promptTimes: number[] = [];
  /** Milliseconds after the first token. */
  const total = { plain: 0, drafted: 0 };
  let [compared, different, draftedTokens] = [0, 0, 0];
  try {
    const [firstPromptMs = Number.NaN] = (await plain(0)).times;
    if (speculative !== undefined) await drafted(speculative, 0);
    for (let turn = 0; turn < LEAST_TURNS || (speculative && compared < compareTokens); turn++) {
      const { tokens, times } = await plain(turn);
      promptTimes.push(times[0] as number);
      tokenTimes.push(...times.slice(1));
      if (turn < LEAST_TURNS) await costs.turn();
      if (speculative === undefined) continue;
      const other = await drafted(speculative, turn);
      const [expected = [], given = []] = [tokens[0], other.tokens[0]];
      compared += expected.length;
      different += expected.filter((token, at) => token !== given[at]).length;
      draftedTokens += given.length - 1;
      total.plain += sum(times.slice(1));
      total.drafted += sum(other.times.slice(1));
    }
    const tokenMs = median(tokenTimes);
    const promptTokens = prompts[0]?.length ?? 0;
    const { emptyDispatchMicroseconds, gigabytesPerSecond } = costs.result;
    const bytesPerToken = bytesOfToken(model, promptTokens + newTokens / 2);
    const dispatches = device.features.has('timestamp-query') ? (await generator.profile()).dispatches : null;
    const boundMs =
      dispatches === null
        ? null
        : (dispatches * emptyDispatchMicroseconds) / 1000 + bytesPerToken / gigabytesPerSecond / 1e6;
    const report = speculative?.report;
    return {
      size: name,
      adapter: device.info.name,
      sequences,
      promptTokens,
      newTokens,
      tokensPerSecond: (1000 * sequences) / tokenMs,
      tokenMs,
      promptMs: median(promptTimes),
      firstPromptMs,
      dispatches,
      emptyDispatchMicroseconds,
      gigabytesPerSecond,
      bytesPerToken,
      boundMs,
      boundRatio: boundMs === null ? null : tokenMs / boundMs,
      speculation:
        drafter === undefined || report === undefined
          ? null
          : {
              drafts: drafter.name,
              draftCount: drafter.draftCount,
              comparedTokens: compared,
              differentTokens: different,
              acceptanceRate: report.acceptanceRate,
              offsets: report.offsets,
              tokensPerPass: report.tokens / report.passes,
              tokensPerSecond: (1000 * draftedTokens) / total.drafted,
              speedUp: total.plain / total.drafted,
            },
    };
  } finally {
    costs.dispose();
    generator.dispose();
    speculative?.dispose();
  }
}
