import type { ImageBatch, QuestionSet } from '@foretoken/data';
import type { ImageClassifier } from '@foretoken/models';
import type { CompiledStep, Device, Tensor } from '@foretoken/tensor';
import type { Answers } from './evaluate.js';

/** Images that go through the model at a time. */
const IMAGES = 128;

/** The places of the greatest values of a row, from the greatest on; of equals, the first one is greater. */
function ranking(row: ArrayLike<number>, count: number): number[] {
  return Array.from(row, (value, place) => ({ value, place }))
    .sort((a, b) => b.value - a.value || a.place - b.place)
    .slice(0, count)
    .map(({ place }) => place);
}

/** Ranks classes by the logits of a classifier. Compiled once, used again. */
export class ImageAnswers implements Answers<ImageBatch> {
  readonly #logits: CompiledStep<{ pixels: Tensor }, { logits: Tensor }>;

  /** @param batch - images that go through the model at a time */
  constructor(
    device: Device,
    readonly model: ImageClassifier,
    readonly batch: number = IMAGES,
  ) {
    this.#logits = device.compile(({ pixels }: { pixels: Tensor }) => ({ logits: model.forward(pixels) }), {
      name: 'classification',
    });
  }

  async answer({ prompts, maxAnswerLength }: QuestionSet<ImageBatch>): Promise<number[][]> {
    const { batch, image, pixels } = prompts;
    const shape = [batch, image.channels, image.height, image.width];
    const logits = await this.#logits.run({ pixels: { data: pixels, shape } }).logits.data();
    const { classes } = this.model.config;
    return Array.from({ length: batch }, (_, row) =>
      ranking(logits.subarray(row * classes, (row + 1) * classes), maxAnswerLength),
    );
  }

  dispose(): void {
    this.#logits.dispose();
  }
}
