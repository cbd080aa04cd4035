import type { Metric } from '../sequence-task.js';
import { finalNumber, markedNumber } from './final-number.js';
import { optionLetter } from './option-letter.js';
import { ROUGE_TYPES, rougeOfSeveral } from './rouge.js';

/** Judges an answer, given as text, by the right ones. */
export interface AnswerScorer {
  /** What it measures, the most important first. */
  readonly metrics: readonly Metric[];
  /** A figure between 0 and 1 for each metric. `references` holds one right answer or more. */
  score(answer: string, references: readonly string[]): Readonly<Record<string, number>>;
}

const EXACT_MATCH: Metric = { name: 'exactMatch', label: 'exact match' };

/** Whether what `extract` reads from the answer is what it reads from a reference; nothing read is wrong. */
const agrees = (
  extract: (text: string) => string | undefined,
  answer: string,
  references: readonly string[],
): number => {
  const given = extract(answer);
  return Number(given !== undefined && references.some((reference) => extract(reference) === given));
};

/** Words with one space between them, so that line ends and indentation do not matter. */
const plain = (text: string): string => text.trim().replace(/\s+/g, ' ');

const rougeScorer = (combine: 'best' | 'mean'): AnswerScorer => ({
  metrics: [
    { name: 'rouge1', label: 'ROUGE-1' },
    { name: 'rouge2', label: 'ROUGE-2' },
    { name: 'rougeL', label: 'ROUGE-L' },
    { name: 'rougeLsum', label: 'ROUGE-Lsum' },
  ],
  score(answer, references) {
    const scores = rougeOfSeveral(references, answer, { combine });
    return Object.fromEntries(ROUGE_TYPES.map((type) => [type, scores[type].fMeasure]));
  },
});

/** Ways of judging answers, by name. */
export const answerScorers = {
  /** The same words as a reference. */
  text: {
    metrics: [EXACT_MATCH],
    score: (answer, references) => ({ exactMatch: agrees(plain, answer, references) }),
  },
  /** `exactMatch`: the number behind `####`. `flexibleMatch`: the final number in whatever form. */
  number: {
    metrics: [EXACT_MATCH, { name: 'flexibleMatch', label: 'flexible match' }],
    score: (answer, references) => ({
      exactMatch: agrees(markedNumber, answer, references),
      flexibleMatch: agrees(finalNumber, answer, references),
    }),
  },
  /** The letter of an option, A to E. */
  option: {
    metrics: [{ ...EXACT_MATCH, chance: 1 / 5 }],
    score: (answer, references) => ({ exactMatch: agrees(optionLetter, answer, references) }),
  },
  /** F-measures of ROUGE with stems; the best of several references. */
  'rouge-best': rougeScorer('best'),
  /** F-measures of ROUGE with stems; the mean over references. */
  'rouge-mean': rougeScorer('mean'),
} as const satisfies Record<string, AnswerScorer>;

export type ScorerName = keyof typeof answerScorers;

export const SCORER_NAMES = Object.keys(answerScorers) as ScorerName[];
