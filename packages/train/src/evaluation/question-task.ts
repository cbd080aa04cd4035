import {
  fillPattern,
  parseTemplate,
  parseTextConfig,
  type TextOptions,
  type TextRecord,
  TextTask,
  type TextTokenizer,
} from '@foretoken/data';
import { EvaluationError } from './errors.js';

export interface QuestionTaskOptions {
  /** Template, scorer and the rest, or a preset that has them. */
  readonly settings: Partial<TextOptions>;
  /** Most tokens of a prompt and its answer together: the context of the model. */
  readonly context: number;
  /** Most tokens of an answer. Questions whose prompt leaves less of the context are not asked. */
  readonly maxAnswerTokens: number;
  /** Worked examples that are put before every question. Default none. */
  readonly shots?: readonly TextRecord[];
}

/** Column that holds the worked examples; no data set is likely to have one of this name. */
const SHOTS = '__shots__';
const BETWEEN_SHOTS = '\n\n';

/**
 * A task whose split `test` asks the questions of these records in their order. Worked examples stand before a
 * question in the same template, with their answers, an empty line behind each.
 *
 * @throws EvaluationError when the answer leaves no room for a prompt; DataFileError when a column is missing
 */
export function questionTask(
  records: readonly TextRecord[],
  tokenizer: TextTokenizer,
  { settings, context, maxAnswerTokens, shots = [] }: QuestionTaskOptions,
): TextTask {
  const maxTime = Math.min(context, tokenizer.modelMaxLength ?? context);
  if (maxAnswerTokens >= maxTime) {
    throw new EvaluationError(
      `evaluation: answers of ${maxAnswerTokens} tokens leave no room for a prompt in a context of ${maxTime}. Ask for fewer tokens.`,
    );
  }
  const config = parseTextConfig({ ...settings, maxTime, maxAnswerTime: maxAnswerTokens });
  const before = shots.map((shot) => `${workedExample(shot, config)}${BETWEEN_SHOTS}`).join('');
  const asked = records.map(({ where, columns }) => ({ where, columns: { ...columns, [SHOTS]: before } }));
  const template = `{${SHOTS}}${config.template}`;
  // A task is not without something to learn, which is never read here.
  const filler = Object.fromEntries(columnsOf(template).map((column) => [column, '-']));
  return new TextTask(
    {
      ...settings,
      template,
      answerFrom: config.answerFrom ?? columnsOf(template).at(-1) ?? null,
      maxTime,
      maxAnswerTime: maxAnswerTokens,
      endToken: false,
      buckets: 1,
      validationShare: 0,
    },
    { tokenizer, train: [{ where: 'filler', columns: filler }], test: asked },
  );
}

function columnsOf(template: string): string[] {
  const { prompt, answer } = parseTemplate(template);
  return [...prompt.filter((_, at) => at % 2 === 1), ...answer.filter((_, at) => at % 2 === 1)];
}

/** Prompt and answer of a record, as the template has them. */
function workedExample(
  record: TextRecord,
  config: Pick<TextOptions, 'template' | 'answerFrom' | 'alternatives' | 'dropPattern'>,
): string {
  const { prompt, answer } = parseTemplate(config.template, config.answerFrom ?? undefined);
  const drop = config.dropPattern ? new RegExp(config.dropPattern, 'g') : undefined;
  const filled = Object.entries(config.alternatives ?? {}).reduce(({ where, columns }, [column, others]) => {
    const other = others.find((name) => Object.hasOwn(columns, name));
    return Object.hasOwn(columns, column) || other === undefined
      ? { where, columns }
      : { where, columns: { ...columns, [column]: columns[other] } };
  }, record);
  const change = (text: string): string => (drop === undefined ? text : text.replace(drop, ''));
  return `${fillPattern(prompt, filled, change)}${fillPattern(answer, filled, change)}`;
}
