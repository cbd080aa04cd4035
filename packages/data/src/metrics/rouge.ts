// C.-Y. Lin, "ROUGE: a package for automatic evaluation of summaries", 2004, computed as google-research/rouge does
// (`rouge_score.RougeScorer(..., use_stemmer=True)`), whose numbers are the ones that papers report.
import { porterStem } from './porter-stemmer.js';

/** Precision against the prediction, recall against the reference, and their harmonic mean; 0 to 1. */
export interface RougeScore {
  readonly precision: number;
  readonly recall: number;
  readonly fMeasure: number;
}

export const ROUGE_TYPES = ['rouge1', 'rouge2', 'rougeL', 'rougeLsum'] as const;

export type RougeType = (typeof ROUGE_TYPES)[number];

export interface RougeOptions {
  /** Compares stems of words of more than three letters, as is usual. Default true. */
  readonly stem?: boolean;
}

/** Words in lower case; anything but a to z and 0 to 9 separates them, accented letters included. */
function words(text: string, stem: boolean): string[] {
  const found = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return stem ? found.map((word) => (word.length > 3 ? porterStem(word) : word)) : found;
}

function scoreOf(hits: number, predicted: number, expected: number): RougeScore {
  const precision = hits / Math.max(predicted, 1);
  const recall = hits / Math.max(expected, 1);
  const fMeasure = hits === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  return { precision, recall, fMeasure };
}

function countAll(items: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

const grams = (tokens: readonly string[], size: number): string[] =>
  Array.from({ length: Math.max(tokens.length - size + 1, 0) }, (_, at) =>
    tokens.slice(at, at + size).join(' '),
  );

/** Runs of `size` words that both have, each as often as both have it. */
function scoreGrams(reference: readonly string[], prediction: readonly string[], size: number): RougeScore {
  const expected = grams(reference, size);
  const predicted = grams(prediction, size);
  const counts = countAll(predicted);
  let hits = 0;
  for (const [gram, count] of countAll(expected)) hits += Math.min(count, counts.get(gram) ?? 0);
  return scoreOf(hits, predicted.length, expected.length);
}

/** Row r, column c: length of the longest common subsequence of the first r and the first c words. */
function commonLengths(reference: readonly string[], prediction: readonly string[]): Uint32Array[] {
  const table = [new Uint32Array(prediction.length + 1)];
  for (let row = 1; row <= reference.length; row++) {
    const above = table[row - 1] as Uint32Array;
    const current = new Uint32Array(prediction.length + 1);
    for (let column = 1; column <= prediction.length; column++) {
      current[column] =
        reference[row - 1] === prediction[column - 1]
          ? (above[column - 1] as number) + 1
          : Math.max(above[column] as number, current[column - 1] as number);
    }
    table.push(current);
  }
  return table;
}

/** Places in the reference of one longest common subsequence; of several, the one that the original picks. */
function commonPlaces(reference: readonly string[], prediction: readonly string[]): number[] {
  const table = commonLengths(reference, prediction);
  const places: number[] = [];
  let row = reference.length;
  let column = prediction.length;
  while (row > 0 && column > 0) {
    if (reference[row - 1] === prediction[column - 1]) {
      places.push(row - 1);
      row--;
      column--;
    } else if ((table[row]?.[column - 1] as number) > (table[row - 1]?.[column] as number)) column--;
    else row--;
  }
  return places.reverse();
}

function scoreSubsequence(reference: readonly string[], prediction: readonly string[]): RougeScore {
  const length = commonLengths(reference, prediction).at(-1)?.at(-1) ?? 0;
  return scoreOf(length, prediction.length, reference.length);
}

const sentences = (text: string, stem: boolean): string[][] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => words(line, stem));

/**
 * Summary level: each sentence of the reference is compared with all of the prediction, and the words that any of them
 * shares with it count, though none more often than either text has it.
 */
function scoreSummary(reference: readonly string[][], prediction: readonly string[][]): RougeScore {
  const left = countAll(reference.flat());
  const available = countAll(prediction.flat());
  let hits = 0;
  for (const sentence of reference) {
    const places = new Set(prediction.flatMap((other) => commonPlaces(sentence, other)));
    for (const place of [...places].sort((a, b) => a - b)) {
      const word = sentence[place] as string;
      const [here, there] = [left.get(word) ?? 0, available.get(word) ?? 0];
      if (here === 0 || there === 0) continue;
      left.set(word, here - 1);
      available.set(word, there - 1);
      hits++;
    }
  }
  return scoreOf(hits, prediction.flat().length, reference.flat().length);
}

/**
 * ROUGE-1, ROUGE-2, ROUGE-L (whole texts) and ROUGE-Lsum (sentences on lines of their own) of a prediction.
 *
 * @example rouge('the cat sat', 'the cat').rouge1.fMeasure; // 0.8
 */
export function rouge(
  reference: string,
  prediction: string,
  { stem = true }: RougeOptions = {},
): Readonly<Record<RougeType, RougeScore>> {
  const expected = words(reference, stem);
  const predicted = words(prediction, stem);
  return {
    rouge1: scoreGrams(expected, predicted, 1),
    rouge2: scoreGrams(expected, predicted, 2),
    rougeL: scoreSubsequence(expected, predicted),
    rougeLsum: scoreSummary(sentences(reference, stem), sentences(prediction, stem)),
  };
}

export interface SeveralReferencesOptions extends RougeOptions {
  /** The best score of each kind by F-measure (`RougeScorer.score_multi`), or the mean over references. */
  readonly combine?: 'best' | 'mean';
}

/**
 * Scores of a prediction against several references.
 *
 * @throws RangeError without a reference
 */
export function rougeOfSeveral(
  references: readonly string[],
  prediction: string,
  { combine = 'best', ...options }: SeveralReferencesOptions = {},
): Readonly<Record<RougeType, RougeScore>> {
  if (references.length === 0) throw new RangeError('rougeOfSeveral: expected at least one reference.');
  const all = references.map((reference) => rouge(reference, prediction, options));
  const of = (type: RougeType): RougeScore => {
    const scores = all.map((each) => each[type]);
    if (combine === 'best') return scores.reduce((a, b) => (b.fMeasure > a.fMeasure ? b : a));
    const mean = (part: keyof RougeScore): number =>
      scores.reduce((sum, score) => sum + score[part], 0) / scores.length;
    return { precision: mean('precision'), recall: mean('recall'), fMeasure: mean('fMeasure') };
  };
  return { rouge1: of('rouge1'), rouge2: of('rouge2'), rougeL: of('rougeL'), rougeLsum: of('rougeLsum') };
}
