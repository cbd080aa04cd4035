import { columnText, type TextRecord, type TextTask } from '@foretoken/data';
import {
  type ChoiceQuestion,
  chooseOptions,
  EvaluationError,
  type Figure,
  questionTask,
  questionUnits,
} from '@foretoken/train';
import { UsageError } from '../errors.js';
import type { TextModel } from '../models/open-model.js';
import type { OnProgress, Outcome } from './outcome.js';
import { countsOf, notesOf, type Questions } from './questions.js';
import type { ChoicesTask } from './tasks.js';

/** Room for the tokens of an option. */
const OPTION_TOKENS = 8;
const DEFAULT_BATCH = 8;
const LETTERS = ['A', 'B', 'C', 'D', 'E'];

const FIGURES: readonly Figure[] = [{ name: 'accuracy', label: 'accuracy', better: 'higher' }];

/** Which letter is right, counted from 0. @throws UsageError when the column names none */
function correctOption(record: TextRecord): number {
  const letter = columnText(record, 'correct').trim().toUpperCase();
  const at = LETTERS.indexOf(letter);
  if (at >= 0) return at;
  throw new UsageError(
    `${record.where}: column 'correct' holds ${JSON.stringify(letter)}, expected one of ${LETTERS.join(', ')}.`,
  );
}

/** The questions with each letter in the place of the answer: so tokens are those of the whole text. */
function tasksByLetter(
  { model, tokenizer }: TextModel,
  { settings }: ChoicesTask,
  { records, shots }: Questions,
): TextTask[] {
  return LETTERS.map((letter) =>
    questionTask(
      records.map(({ where, columns }) => ({ where, columns: { ...columns, correct: letter } })),
      tokenizer,
      { settings, context: model.config.maxPositions, maxAnswerTokens: OPTION_TOKENS, shots },
    ),
  );
}

export async function choicesOf(
  opened: TextModel,
  task: ChoicesTask,
  questions: Questions,
  { batch = DEFAULT_BATCH }: { readonly batch?: number | undefined },
  onProgress: OnProgress,
): Promise<Outcome> {
  const correct = new Map(questions.records.map((record) => [record.where, correctOption(record)]));
  const tasks = tasksByLetter(opened, task, questions);
  const [first] = tasks as [TextTask, ...TextTask[]];
  if (first.questionCount('test') === 0) {
    throw new EvaluationError(
      `multiple-choice: no question is asked; all ${questions.records.length} prompts are too long for a context of ${first.config.maxTime}.`,
    );
  }
  const asked = Array.from({ length: first.questionCount('test') }, (_, at): ChoiceQuestion => {
    const { where } = first.question('test', at);
    const options = tasks.map((each) => {
      const { ids, prefix } = each.question('test', at);
      return { ids, from: prefix };
    });
    return { where, options, correct: correct.get(where) as number };
  });
  const chosen = await chooseOptions(opened.model, asked, { batch, onProgress });
  return {
    figures: FIGURES,
    units: questionUnits(chosen),
    facts: { ...countsOf(first), chance: 1 / LETTERS.length },
    samples: chosen.map((each, at) => ({
      ...each,
      prompt: opened.tokenizer.decode(
        first.question('test', at).ids.subarray(0, first.question('test', at).prefix),
      ),
      chosen: LETTERS[each.chosen],
      correct: LETTERS[each.correct],
    })),
    notes: notesOf(first),
  };
}
