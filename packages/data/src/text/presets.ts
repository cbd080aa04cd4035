import type { ScorerName } from '../metrics/scorers.js';

/** Settings that belong to a data set: how its columns become prompt and answer, and how answers are judged. */
export interface TextPreset {
  readonly template: string;
  readonly answerFrom?: string;
  readonly alternatives?: Record<string, string[]>;
  readonly scorer: ScorerName;
  readonly maxTime?: number;
  readonly maxAnswerTime?: number;
}

const presets = {
  /** Grade-school mathematics; the answer is worked out and ends `#### 72`. */
  gsm8k: {
    template: 'Question: {question}\n\nAnswer: {answer}',
    scorer: 'number',
  },
  /** Summaries of dialogues; the test file has three for each. Scores are means over them, as usual. */
  dialogsum: {
    template: 'Dialogue:\n{dialogue}\n\nSummary: {summary}',
    alternatives: { summary: ['summary1', 'summary2', 'summary3'] },
    scorer: 'rouge-mean',
    maxTime: 768,
    maxAnswerTime: 128,
  },
  /** Algebra with five options; the answer is worked out, then the letter is stated. */
  'aqua-rat': {
    template: 'Question: {question}\nOptions: {options}\n\nAnswer: {rationale}\nThe answer is {correct}.',
    answerFrom: 'rationale',
    scorer: 'option',
  },
} satisfies Record<string, TextPreset>;

export type TextPresetName = keyof typeof presets;

/**
 * Data sets with their columns as on the Hugging Face hub. Templates of GSM8K and DialogSum are those of the MuToR
 * paper's code.
 */
export const textPresets: Readonly<Record<TextPresetName, TextPreset>> = presets;

export const TEXT_PRESET_NAMES = Object.keys(presets) as TextPresetName[];
