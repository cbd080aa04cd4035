import { type ImageDataSetName, type TextOptions, textPresets } from '@foretoken/data';
import { nearestName } from '@foretoken/input';
import { UsageError } from '../errors.js';

/** Questions that a model answers by generating text. */
export interface QuestionsTask {
  readonly kind: 'questions';
  readonly settings: Partial<TextOptions>;
  /** Most tokens of an answer, where the user says nothing. */
  readonly maxTokens: number;
  /** A model that goes on with the next question has ended its answer. */
  readonly stopTexts: readonly string[];
}

/** Questions whose options are judged by their likelihood. */
export interface ChoicesTask {
  readonly kind: 'choices';
  readonly settings: Partial<TextOptions>;
}

export interface PerplexityTask {
  readonly kind: 'perplexity';
}

/** Images that a classifier is asked about. */
export interface ImagesTask {
  readonly kind: 'images';
  readonly dataSet: ImageDataSetName;
}

export type EvaluationTask = QuestionsTask | ChoicesTask | PerplexityTask | ImagesTask;

/** Half of the 512 tokens that lm-evaluation-harness and the MuToR paper have for prompt and answer, or for the answer. */
const WORKED_ANSWER = 256;

export const evaluationTasks = {
  perplexity: { kind: 'perplexity' },
  gsm8k: {
    kind: 'questions',
    settings: { preset: 'gsm8k' },
    maxTokens: WORKED_ANSWER,
    stopTexts: ['Question:'],
  },
  'aqua-rat': {
    kind: 'questions',
    settings: { preset: 'aqua-rat' },
    maxTokens: WORKED_ANSWER,
    stopTexts: ['Question:'],
  },
  dialogsum: {
    kind: 'questions',
    settings: { preset: 'dialogsum' },
    maxTokens: textPresets.dialogsum.maxAnswerTime ?? WORKED_ANSWER,
    stopTexts: ['Dialogue:'],
  },
  'multiple-choice': {
    kind: 'choices',
    settings: {
      template: 'Question: {question}\nOptions: {options}\n\nAnswer: The answer is {correct}',
      scorer: 'option',
    },
  },
  mnist: { kind: 'images', dataSet: 'mnist' },
  'fashion-mnist': { kind: 'images', dataSet: 'fashion-mnist' },
  cifar10: { kind: 'images', dataSet: 'cifar10' },
  cifar100: { kind: 'images', dataSet: 'cifar100' },
} as const satisfies Record<string, EvaluationTask>;

export type EvaluationTaskName = keyof typeof evaluationTasks;

const NAMES = Object.keys(evaluationTasks) as EvaluationTaskName[];

/** @throws UsageError for a task that does not exist, with the nearest name */
export function parseTask(text: string): EvaluationTaskName {
  const name = NAMES.find((each) => each === text);
  if (name !== undefined) return name;
  const meant = nearestName(text, NAMES);
  throw new UsageError(
    `there is no task ${text}; ${meant === undefined ? `there are ${NAMES.join(', ')}.` : `did you mean ${meant}?`}`,
  );
}
