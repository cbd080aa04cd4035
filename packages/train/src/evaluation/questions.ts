import {
  answerScorers,
  finalNumber,
  type Metric,
  markedNumber,
  optionLetter,
  type ScorerName,
  type TextExample,
  type TextTask,
} from '@foretoken/data';
import { TokenGenerator, type Transformer } from '@foretoken/models';
import { EvaluationError } from './errors.js';
import type { EvaluatedUnit, Figure } from './figures.js';
import type { EvaluationProgress } from './token-scorer.js';

export interface AnswerOptions {
  /** Questions answered at a time. Default 8. */
  readonly batch?: number | undefined;
  /** Ends an answer besides the token that ends a text. */
  readonly stopTokens?: readonly number[];
  /** An answer ends before the first of these texts. */
  readonly stopTexts?: readonly string[];
  /** Tokens of a prompt see the whole prompt: for models trained so. Default false. */
  readonly bidirectionalPrefix?: boolean;
  readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined;
}

/** A question, what a model answered, and what that is worth. */
export interface AnsweredQuestion {
  /** Where the question stands: `test.jsonl:17`. */
  readonly where: string;
  readonly prompt: string;
  /** The answer that was judged: without stop token and stop text. */
  readonly generated: string;
  /** Generated tokens, without the stop token. */
  readonly tokens: number;
  readonly ended: 'token' | 'text' | 'length';
  readonly references: readonly string[];
  /** What each metric read out of the answer, null for nothing; empty where the whole answer counts. */
  readonly extracted: Readonly<Record<string, string | null>>;
  readonly scores: Readonly<Record<string, number>>;
}

/** What scorers read out of an answer, by metric. */
const extractors: Partial<Record<ScorerName, Record<string, (answer: string) => string | undefined>>> = {
  number: { exactMatch: markedNumber, flexibleMatch: finalNumber },
  option: { exactMatch: optionLetter },
};

const DEFAULT_BATCH = 8;
/** Lengths that prompts are filled up to, at most. */
const LENGTHS = 8;

/**
 * Answers the questions of a task greedily with a key/value cache, and judges the answers as the task does.
 *
 * @param task - as `questionTask` makes it
 * @returns one entry a question, in the order of the task
 * @throws EvaluationError when no question fits into the context
 * @example
 * const task = questionTask(records, tokenizer, { settings: { preset: 'gsm8k' }, context: 1024, maxAnswerTokens: 256 });
 * const answers = await answerQuestions(model, task);
 */
export async function answerQuestions(
  model: Transformer,
  task: TextTask,
  options: AnswerOptions = {},
): Promise<AnsweredQuestion[]> {
  const { batch = DEFAULT_BATCH, bidirectionalPrefix = false, onProgress } = options;
  const questions = questionsOf(task);
  const longest = questions.reduce((most, { prefix }) => Math.max(most, prefix), 0);
  const promptMultiple = Math.ceil(longest / LENGTHS);
  const generator = new TokenGenerator(model, {
    batch: Math.min(batch, questions.length),
    // The last new token is never read again, so it takes no place.
    capacity: longest + task.config.maxAnswerTime - 1,
    bidirectionalPrefix,
    promptMultiple,
  });
  const answers = new Array<AnsweredQuestion>(questions.length);
  try {
    // Prompts of like length together, the longest first: less padding, and what does not fit into memory fails at once.
    const order = questions
      .map((question, at) => ({ question, at }))
      .sort((a, b) => b.question.prefix - a.question.prefix || a.at - b.at);
    for (let first = 0; first < order.length; first += batch) {
      const group = order.slice(first, first + batch);
      const prompts = group.map(({ question: { ids, prefix } }) => ids.subarray(0, prefix));
      const given = await generateGroup(generator, task, prompts, options);
      group.forEach(({ question, at }, row) => {
        answers[at] = judge(task, question, given[row] as GivenAnswer);
      });
      onProgress?.({ done: first + group.length, total: questions.length });
    }
  } finally {
    generator.dispose();
  }
  return answers;
}

/** The questions that fit into the context, in their order. */
function questionsOf(task: TextTask): TextExample[] {
  const count = task.questionCount('test');
  if (count === 0) {
    const { read, promptTooLong, withoutAnswer } = task.reports.test;
    const { maxAnswerTime, maxTime } = task.config;
    throw new EvaluationError(
      `evaluation: none of ${read} questions is asked. ${promptTooLong} prompts leave less than ${maxAnswerTime} of ${maxTime} tokens ` +
        `for the answer, ${withoutAnswer} have no answer to compare with. Ask for shorter answers or show fewer examples.`,
    );
  }
  return Array.from({ length: count }, (_, at) => task.question('test', at));
}

interface GivenAnswer {
  readonly ids: readonly number[];
  readonly text: string;
  readonly ended: AnsweredQuestion['ended'];
}

/** What a generator gives in the place of a stop token, and behind it. */
const ENDED = -1;

/** An answer as it is written. */
class AnswerText {
  readonly ids: number[] = [];
  #text = '';
  ended: AnsweredQuestion['ended'] = 'length';
  done = false;
  readonly #stream;

  constructor(
    readonly task: TextTask,
    prompt: readonly number[],
    readonly stopTexts: readonly string[],
  ) {
    this.#stream = task.tokenizer.stream(prompt);
  }

  /** @param id - the next token, or `ENDED` */
  push(id: number): void {
    if (this.done) return;
    if (id === ENDED) {
      this.#end('token');
      return;
    }
    this.ids.push(id);
    this.#text += this.#stream.push(id);
    if (this.#stopAt() >= 0) this.#end('text');
  }

  /** The answer without the space before it, which tokenizers write or leave out. */
  get text(): string {
    const whole = this.#text + (this.ended === 'text' ? '' : this.#stream.end());
    const stop = this.#stopAt();
    return (stop < 0 ? whole : whole.slice(0, stop)).trim();
  }

  #end(how: AnsweredQuestion['ended']): void {
    this.ended = how;
    this.done = true;
  }

  /** Where the first stop text begins; -1 without one. */
  #stopAt(): number {
    const places = this.stopTexts.map((stop) => this.#text.indexOf(stop)).filter((place) => place >= 0);
    return places.length === 0 ? -1 : Math.min(...places);
  }
}

async function generateGroup(
  generator: TokenGenerator,
  task: TextTask,
  prompts: readonly Int32Array[],
  { stopTokens = [], stopTexts = [] }: AnswerOptions,
): Promise<GivenAnswer[]> {
  const answers = prompts.map((prompt) => new AnswerText(task, [...prompt], stopTexts));
  const stream = generator.stream(prompts, {
    maxNewTokens: task.config.maxAnswerTime,
    greedy: true,
    stopTokens: [...new Set([...task.stopTokens, ...stopTokens])],
  });
  for await (const { tokens } of stream) {
    answers.forEach((answer, row) => {
      answer.push(tokens[row] as number);
    });
    if (answers.every(({ done }) => done)) break;
  }
  // Where the last answers end at once, the stream does so without telling.
  for (const answer of answers) if (answer.ids.length < task.config.maxAnswerTime) answer.push(ENDED);
  return answers.map(({ ids, text, ended }) => ({ ids, text, ended }));
}

function judge(task: TextTask, question: TextExample, { ids, text, ended }: GivenAnswer): AnsweredQuestion {
  const { scorer } = task.config;
  const { where, references } = question;
  const extracted = Object.entries(extractors[scorer] ?? {}).map(
    ([metric, extract]) => [metric, extract(text) ?? null] as const,
  );
  return {
    where,
    prompt: task.tokenizer.decode(question.ids.subarray(0, question.prefix)),
    generated: text,
    tokens: ids.length,
    ended,
    references,
    extracted: Object.fromEntries(extracted),
    scores: answerScorers[scorer].score(text, references),
  };
}

/** What answers are reported as: the means of the metrics of their task. */
export const questionFigures = (metrics: readonly Metric[]): Figure[] =>
  metrics.map(({ name, label }) => ({ name, label, better: 'higher' }));

/** What intervals are taken over: questions. */
export const questionUnits = (
  answers: readonly Pick<AnsweredQuestion, 'where' | 'scores'>[],
): EvaluatedUnit[] =>
  answers.map(({ where, scores }) => ({
    id: where,
    shares: Object.fromEntries(
      Object.entries(scores).map(([name, total]) => [name, { total, weight: 1 }] as const),
    ),
  }));
