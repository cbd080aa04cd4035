// B sequences, T tokens that are read, D width.
import { causalMask, type Transformer } from '@foretoken/models';
import { type CompiledStep, linearCrossEntropy, type Tensor } from '@foretoken/tensor';
import { EvaluationError } from './errors.js';

/** Tokens, and which of them are scored. */
export interface ScoredSequence {
  readonly ids: ArrayLike<number>;
  /** The tokens from this place on are scored. At least 1: the first token has nothing to be predicted from. */
  readonly from: number;
}

/** Told as an evaluation goes on. */
export interface EvaluationProgress {
  readonly done: number;
  readonly total: number;
}

export interface ScoringOptions {
  /** Sequences of a pass. */
  readonly batch: number;
  readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined;
}

/** Targets with this value are not scored. */
const IGNORE = -100;
/** Inputs with this value are no token. */
const NOTHING = -1;
/** Lengths that passes are padded to, at most: every length compiles a plan of its own. */
const LENGTHS = 4;

type Step = CompiledStep<{ tokens: Tensor; targets: Tensor }, { losses: Tensor }>;

/**
 * Gives the loss of every scored token, `-log p(token | the tokens before it)` in nats: by the trunk of the model and
 * its output alone, whatever registers or heads it was trained with.
 *
 * @returns the losses of each sequence from its place `from` on, in the order of the sequences
 * @throws EvaluationError when an id is none of the model's
 */
export async function scoreTokens(
  model: Transformer,
  sequences: readonly ScoredSequence[],
  { batch, onProgress }: ScoringOptions,
): Promise<Float32Array[]> {
  checkIds(model, sequences);
  const results = new Array<Float32Array>(sequences.length);
  const step = scoringStep(model);
  let done = 0;
  try {
    for (const { time, members } of groupsOf(sequences)) {
      for (let first = 0; first < members.length; first += batch) {
        const rows = members.slice(first, first + batch);
        const losses = await runStep(
          step,
          rows.map((at) => sequences[at] as ScoredSequence),
          { batch: Math.min(batch, members.length), time },
        );
        rows.forEach((at, row) => {
          const { ids, from } = sequences[at] as ScoredSequence;
          results[at] = losses.slice(row * time + from - 1, row * time + ids.length - 1);
        });
        done += rows.length;
        onProgress?.({ done, total: sequences.length });
      }
    }
  } finally {
    step.dispose();
  }
  return results;
}

function scoringStep(model: Transformer): Step {
  const { device } = model;
  return device.compile(
    ({ tokens, targets }: { tokens: Tensor; targets: Tensor }) => {
      const [batch, time] = tokens.shape as [number, number];
      const positions = device.arange(time, 'i32').unsqueeze(0).expand([batch, time]);
      const hidden = model.trunk({ tokens, positions, mask: causalMask(device, time) });
      const losses = linearCrossEntropy(
        hidden.reshape([-1, model.config.width]),
        model.unembedding,
        targets.reshape([-1]),
        { ignoreIndex: IGNORE, softCap: model.config.logitSoftCap, reduction: 'none' },
      );
      return { losses };
    },
    { name: 'score tokens' },
  );
}

async function runStep(
  step: Step,
  rows: readonly ScoredSequence[],
  { batch, time }: { readonly batch: number; readonly time: number },
): Promise<Float32Array> {
  const tokens = new Int32Array(batch * time).fill(NOTHING);
  const targets = new Int32Array(batch * time).fill(IGNORE);
  rows.forEach(({ ids, from }, row) => {
    for (let at = 1; at < ids.length; at++) {
      tokens[row * time + at - 1] = ids[at - 1] as number;
      if (at >= from) targets[row * time + at - 1] = ids[at] as number;
    }
  });
  const shape = [batch, time];
  const { losses } = step.run({ tokens: { data: tokens, shape }, targets: { data: targets, shape } });
  const values = (await losses.data()) as Float32Array;
  losses.dispose();
  return values;
}

/** Sequences that are read at one length, longest first: what does not fit into memory fails at once. */
function groupsOf(sequences: readonly ScoredSequence[]): { time: number; members: number[] }[] {
  const longest = sequences.reduce((most, { ids }) => Math.max(most, ids.length - 1), 1);
  const lengths = Array.from({ length: LENGTHS }, (_, at) => Math.ceil((longest * (LENGTHS - at)) / LENGTHS));
  return [...new Set(lengths)]
    .map((time, at, all) => ({
      time,
      members: sequences.flatMap(({ ids }, index) => {
        const reads = ids.length - 1;
        return reads <= time && reads > (all[at + 1] ?? -1) ? [index] : [];
      }),
    }))
    .filter(({ members }) => members.length > 0);
}

function checkIds(model: Transformer, sequences: readonly ScoredSequence[]): void {
  const { vocabularySize } = model.config;
  for (const { ids } of sequences) {
    for (let at = 0; at < ids.length; at++) {
      const id = ids[at] as number;
      if (Number.isInteger(id) && id >= 0 && id < vocabularySize) continue;
      throw new EvaluationError(
        `evaluation: token id ${id} is none of the model's, which are 0 to ${vocabularySize - 1}. Use the tokenizer of the model.`,
      );
    }
  }
}
