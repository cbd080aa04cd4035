import type { TextRecord, TextTask } from '@foretoken/data';
import { answerQuestions, questionFigures, questionTask, questionUnits } from '@foretoken/train';
import type { TextModel } from '../models/open-model.js';
import type { OnProgress, Outcome } from './outcome.js';
import type { QuestionsTask } from './tasks.js';

export interface QuestionSettings {
  readonly batch?: number | undefined;
  readonly maxTokens?: number | undefined;
  readonly stopTexts?: readonly string[] | undefined;
  readonly bidirectionalPrefix: boolean;
}

/** What is asked: records, and those that are shown before each of them. */
export interface Questions {
  readonly records: readonly TextRecord[];
  readonly shots: readonly TextRecord[];
}

export async function answersOf(
  { model, tokenizer, stopTokens }: TextModel,
  task: QuestionsTask,
  { records, shots }: Questions,
  settings: QuestionSettings,
  onProgress: OnProgress,
): Promise<Outcome> {
  const { maxTokens = task.maxTokens, stopTexts = task.stopTexts, batch, bidirectionalPrefix } = settings;
  const questions = questionTask(records, tokenizer, {
    settings: task.settings,
    context: model.config.maxPositions,
    maxAnswerTokens: maxTokens,
    shots,
  });
  const answers = await answerQuestions(model, questions, {
    batch,
    stopTokens,
    stopTexts,
    bidirectionalPrefix,
    onProgress,
  });
  return {
    figures: questionFigures(questions.metrics),
    units: questionUnits(answers),
    facts: {
      ...countsOf(questions),
      maxTokens,
      stopTexts,
      cutOff: answers.filter(({ ended }) => ended === 'length').length,
    },
    samples: answers,
    notes: notesOf(questions),
  };
}

/** Questions that were asked, and those that were not. */
export function countsOf(task: TextTask): Readonly<Record<string, number>> {
  const { promptTooLong, withoutAnswer } = task.reports.test;
  return { questions: task.questionCount('test'), notAsked: promptTooLong, withoutAnswer };
}

export function notesOf(task: TextTask): string[] {
  const { read, promptTooLong, withoutAnswer } = task.reports.test;
  const { maxTime, maxAnswerTime } = task.config;
  return [
    ...(promptTooLong > 0
      ? [
          `${promptTooLong} of ${read} questions not asked: the prompt leaves less than ${maxAnswerTime} tokens of a context of ${maxTime}`,
        ]
      : []),
    ...(withoutAnswer > 0 ? [`${withoutAnswer} of ${read} questions have no answer to compare with`] : []),
  ];
}
