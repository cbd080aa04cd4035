import type { Transformer } from '@foretoken/models';
import { EvaluationError } from './errors.js';
import { type ScoredSequence, type ScoringOptions, scoreTokens } from './token-scorer.js';

/** A question whose options are sequences of tokens behind the same prompt. */
export interface ChoiceQuestion {
  /** Where it stands: `test.jsonl:17`. */
  readonly where: string;
  /** Prompt and option of each option; scored from the first token of the option on. */
  readonly options: readonly ScoredSequence[];
  /** Which option is right. */
  readonly correct: number;
}

/** What a model chose. */
export interface ChosenOption {
  readonly where: string;
  readonly correct: number;
  /** The likeliest option, the first of equally likely ones. */
  readonly chosen: number;
  /** `log p(option | prompt)` of each option, in nats. */
  readonly logLikelihoods: readonly number[];
  readonly scores: { readonly accuracy: number };
}

/**
 * Chooses the likeliest option of each question, as `multiple_choice` tasks of lm-evaluation-harness do (its `acc`):
 * nothing is generated.
 *
 * @throws EvaluationError without a question, or when a question has no options
 */
export async function chooseOptions(
  model: Transformer,
  questions: readonly ChoiceQuestion[],
  options: ScoringOptions,
): Promise<ChosenOption[]> {
  const empty = questions.find((question) => question.options.length === 0);
  if (questions.length === 0 || empty !== undefined) {
    throw new EvaluationError(
      empty === undefined
        ? 'evaluation: no question is asked.'
        : `evaluation: ${empty.where} has no options.`,
    );
  }
  const losses = await scoreTokens(
    model,
    questions.flatMap((question) => question.options),
    options,
  );
  const logLikelihoods = losses.map((values) => -values.reduce((sum, value) => sum + value, 0));
  let first = 0;
  return questions.map(({ where, correct, options: { length } }) => {
    const own = logLikelihoods.slice(first, first + length);
    first += length;
    const chosen = own.indexOf(Math.max(...own));
    return { where, correct, chosen, logLikelihoods: own, scores: { accuracy: Number(chosen === correct) } };
  });
}
