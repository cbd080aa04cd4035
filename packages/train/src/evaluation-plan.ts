import type { Task } from '@foretoken/data';
import { RecipeError } from './errors.js';
import type { Recipe } from './recipe.js';

/** What evaluations measure. */
export interface EvaluationPlan {
  /** Validation examples whose loss is measured; 0 for none. */
  readonly lossExamples: number;
  readonly questions: number;
  readonly finalQuestions: number;
  /** `validationLoss`, the name of a metric, or undefined to keep the last parameters. */
  readonly bestBy: string | undefined;
}

/** @throws RecipeError for what the task cannot give */
export function planEvaluations({ evaluation }: Recipe, task: Task<unknown>): EvaluationPlan {
  const { lossExamples, questions, finalQuestions, bestBy, solved, patience } = evaluation;
  const counted = task.exampleCount?.('validation');
  const examples = Math.min(lossExamples ?? counted ?? 0, counted ?? Number.POSITIVE_INFINITY);
  if ((lossExamples ?? 0) > 0 && examples === 0) {
    throw new RecipeError(
      'evaluation.lossExamples: there are no validation examples. Give task.files.validation, or a validationShare above 0.',
    );
  }
  for (const [name, wanted, split] of [
    ['questions', questions, 'validation'],
    ['finalQuestions', finalQuestions, 'test'],
  ] as const) {
    if (wanted === 0) continue;
    if (task.questions === undefined) {
      throw new RecipeError(
        `evaluation.${name}: a task of kind ${task.name} asks no questions; it is judged by its validation loss. Use 0.`,
      );
    }
    if (task.questionCount?.(split) === 0) {
      throw new RecipeError(
        `evaluation.${name}: the task has no ${split} questions. Give task.files.${split}, or use 0.`,
      );
    }
  }
  if (solved !== undefined && questions === 0) {
    throw new RecipeError('evaluation.solved: needs evaluation.questions above 0 to be measured.');
  }
  const choices = [
    ...(examples > 0 ? ['validationLoss'] : []),
    ...(questions > 0 ? task.metrics.map(({ name }) => name) : []),
  ];
  if (bestBy !== undefined && bestBy !== 'last' && !choices.includes(bestBy)) {
    throw new RecipeError(
      `evaluation.bestBy: ${JSON.stringify(bestBy)} is not measured on the validation split. There are ${['last', ...choices].join(', ')}.`,
    );
  }
  const chosen = bestBy ?? (examples > 0 ? 'validationLoss' : 'last');
  if (patience !== undefined && chosen === 'last') {
    throw new RecipeError(
      `evaluation.patience: nothing chooses the best evaluation. Give evaluation.bestBy${choices.length > 0 ? `, one of ${choices.join(', ')}` : ' and something to measure'}.`,
    );
  }
  return {
    lossExamples: examples,
    questions,
    finalQuestions,
    bestBy: chosen === 'last' ? undefined : chosen,
  };
}
