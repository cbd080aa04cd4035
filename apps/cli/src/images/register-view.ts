// T tokens of a sequence, the class first; R registers; H heads. Cells of an image are counted row by row.
import type { ImageShape, Transformer } from '@foretoken/models';
import type { LossInputs, OffsetPass, PreparedBatch } from '@foretoken/objectives';
import { type CompiledStep, stack, type Tensor } from '@foretoken/tensor';
import type { ImageRun } from './image-run.js';
import { pictureGrid } from './picture-grid.js';

/** What one register sees and predicts. */
export interface RegisterLook {
  /** The last cell that it sees: that of its token. */
  readonly cell: number;
  /** The cell that it predicts. */
  readonly target: number;
  /** Attention of the register, means over layers and heads; all of them together are 1. */
  readonly attention: {
    readonly classToken: number;
    /** From cell 0 to `cell`. */
    readonly cells: readonly number[];
    readonly itself: number;
  };
  /** Probability of the code that it takes for likeliest. */
  readonly likeliest: number;
  /** Probability of the code that is there. */
  readonly truth: number;
  /** The likeliest code as a picture of its patch: PNG in base64. */
  readonly patch: string;
  /** The code that is there, likewise. */
  readonly truePatch: string;
}

/** What registers see and predict of one image. */
export interface RegisterView {
  readonly label: number;
  /** Of the grid of tokens. */
  readonly height: number;
  readonly width: number;
  /** The image drawn again from its tokens: PNG in base64. */
  readonly image: string;
  readonly looks: readonly RegisterLook[];
}

type Step = CompiledStep<LossInputs, { attention: Tensor; probabilities: Tensor }>;
type Reads = NonNullable<OffsetPass['reads']>;

/** So many of a list, spread evenly from its first to its last. */
function spread<T>(all: readonly T[], wanted: number): T[] {
  const last = Math.min(wanted, all.length) - 1;
  return Array.from(
    { length: last + 1 },
    (_, at) => all[last === 0 ? 0 : Math.round((at * (all.length - 1)) / last)] as T,
  );
}

/** The place of the register behind a token among the positions of a pass, or none. */
function placeOf(prepared: PreparedBatch, time: number, position: number): number | undefined {
  const { positions, registers } = prepared;
  if (positions === undefined || registers === undefined) return undefined;
  const [ids, rows] = [positions.data, registers.data];
  for (let place = time; place < ids.length; place++) {
    if (ids[place] === position && (rows[place] as number) >= 0) return place;
  }
  return undefined;
}

/** What the trunk makes of what it reads in a pass. */
interface Seen {
  /** Means over layers and heads, `[T + R, T + R]`. */
  readonly attention: Float32Array;
  /** Of all codes, at each place: `[T + R, codes]`. */
  readonly probabilities: Float32Array;
}

async function look(model: Transformer, reads: Reads, prepared: PreparedBatch): Promise<Seen> {
  const step: Step = model.device.compile(
    (inputs: LossInputs) => {
      const read = reads(inputs);
      const weights = stack(model.attentionWeights(read));
      return {
        attention: weights.mean(2).mean(0).reshape(weights.shape.slice(-2)),
        probabilities: model.logits(model.trunk(read)).softmax(-1),
      };
    },
    { name: 'what registers see' },
  );
  try {
    const found = step.run(prepared);
    const [attention, probabilities] = await Promise.all([
      found.attention.data(),
      found.probabilities.data(),
    ]);
    return { attention: attention as Float32Array, probabilities: probabilities as Float32Array };
  } finally {
    step.dispose();
  }
}

/** Offsets whose registers are drawn, at most. */
const DRAWN = 4;

/**
 * Looks at one test image through registers of several offsets, all behind one token near the middle of the image.
 *
 * @param testImage - number of the test image
 * @returns undefined where the objective has no registers
 */
export async function registerView(
  { work, task, coder, tokenizer }: ImageRun,
  testImage: number,
): Promise<RegisterView | undefined> {
  const { model, objective } = work;
  const { height, width } = task.grid;
  const cell = Math.max(0, Math.floor((height - 3) / 2)) * width + Math.floor((width - 1) / 2);
  const passes = (objective.offsetPasses?.() ?? []).flatMap(({ offsets: [distance = 1], reads, prepare }) =>
    reads === undefined || cell + distance >= height * width
      ? []
      : [{ reads, prepare, target: cell + distance }],
  );
  if (passes.length === 0) return undefined;

  const batch = task.batch('test', testImage, 1);
  const codes = Int32Array.from(batch.tokens.filter((_, at) => at % batch.channels === 0).subarray(1));
  const { image: size, patch } = tokenizer.config;
  const image = await coder.decode(codes);
  const looks: RegisterLook[] = [];
  for (const { reads, prepare, target } of spread(passes, DRAWN)) {
    const prepared = prepare(batch);
    // A register has the position id of the token before its target.
    const place = placeOf(prepared, batch.time, target);
    if (place === undefined) continue;
    const { attention, probabilities } = await look(model, reads, prepared);
    const positions = Math.sqrt(attention.length);
    const row = [...attention.subarray(place * positions, (place + 1) * positions)];
    const first = place * task.vocabularySize;
    const chances = probabilities.subarray(first, first + task.vocabularySize);
    const likeliest = Math.max(...chances);
    const corner = { top: Math.floor(target / width) * patch, left: (target % width) * patch };
    const patchOf = (pixels: Uint8Array): string =>
      toPng(cut(pixels, size, patch, corner), { ...size, height: patch, width: patch });
    const drawn = await coder.decode(codes.with(target, chances.indexOf(likeliest)));
    looks.push({
      cell,
      target,
      attention: {
        classToken: row[0] as number,
        cells: row.slice(1, cell + 2),
        itself: row[place] as number,
      },
      likeliest,
      truth: chances[codes[target] as number] as number,
      patch: patchOf(drawn),
      truePatch: patchOf(image),
    });
  }
  const label = batch.tokens[1] as number;
  return { label, height, width, image: toPng(image, size), looks };
}

const toPng = (pixels: Uint8Array, size: ImageShape): string =>
  Buffer.from(pictureGrid(pixels, size, { columns: 1, scale: 1, gap: 0 })).toString('base64');

/** A square of an image: `[channels, side, side]`. */
function cut(
  pixels: Uint8Array,
  { channels, height, width }: ImageShape,
  side: number,
  { top, left }: { readonly top: number; readonly left: number },
): Uint8Array {
  const square = new Uint8Array(channels * side * side);
  for (let line = 0; line < channels * side; line++) {
    const [channel, y] = [Math.floor(line / side), line % side];
    const from = (channel * height + top + y) * width + left;
    square.set(pixels.subarray(from, from + side), line * side);
  }
  return square;
}
