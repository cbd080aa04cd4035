import type { ImageTask, Split } from '@foretoken/data';
import type { ImageClassifier } from '@foretoken/models';
import { ImageAnswers } from '../image-answers.js';
import { EvaluationError } from './errors.js';
import type { EvaluationProgress } from './token-scorer.js';

/** An image that a model was asked about. */
export interface ClassifiedImage {
  /** Split and number, the same whatever the model. */
  readonly where: string;
  readonly label: number;
  /** Classes from the likeliest on. */
  readonly ranked: readonly number[];
  /** Each metric of the task. */
  readonly scores: Readonly<Record<string, number>>;
}

export interface ClassificationOptions {
  readonly split: Split;
  /** Only so many images, the first ones. */
  readonly limit?: number | undefined;
  /** Images that go through the model at a time. */
  readonly batch?: number | undefined;
  readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined;
}

/**
 * Asks a classifier about the images of a split.
 *
 * @throws EvaluationError when there is no image, or the model is for others
 */
export async function classifyImages(
  model: ImageClassifier,
  task: ImageTask,
  { split, limit = Number.POSITIVE_INFINITY, batch, onProgress }: ClassificationOptions,
): Promise<ClassifiedImage[]> {
  checkFits(model, task);
  const total = Math.min(limit, task.exampleCount(split));
  if (!(total >= 1)) throw new EvaluationError(`${task.name}: there are no ${split} images.`);
  const answers = new ImageAnswers(model.device, model, batch);
  const found: ClassifiedImage[] = [];
  try {
    while (found.length < total) {
      const first = found.length;
      // The last batch may begin again with the first images, so that every pass has one shape.
      const given = await answers.answer(task.questions(split, first, answers.batch));
      const asked = Math.min(answers.batch, total - first);
      const questions = task.questions(split, first, asked);
      const ranked = given.slice(0, asked);
      const { each } = questions.score(ranked);
      for (const [at, scores] of each.entries()) {
        found.push({
          where: `${task.name}:${split}:${first + at}`,
          label: questions.answers[at]?.[0] as number,
          ranked: ranked[at] as number[],
          scores,
        });
      }
      onProgress?.({ done: found.length, total });
    }
    return found;
  } finally {
    answers.dispose();
  }
}

function checkFits({ config }: ImageClassifier, { name, image, classes }: ImageTask): void {
  const size = ({ height, width, channels }: ImageTask['image']): string =>
    `${height} x ${width} x ${channels}`;
  if (size(config.image) !== size(image)) {
    throw new EvaluationError(
      `the model reads images of ${size(config.image)}, those of ${name} are ${size(image)}.`,
    );
  }
  if (config.classes !== classes) {
    throw new EvaluationError(`the model has ${config.classes} classes, ${name} has ${classes}.`);
  }
}

/** How often images of each class (row) were taken for each class (column). */
export function confusionMatrix(images: readonly ClassifiedImage[], classes: number): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (const { label, ranked } of images) {
    const row = matrix[label] as number[];
    const taken = ranked[0] as number;
    row[taken] = (row[taken] as number) + 1;
  }
  return matrix;
}
