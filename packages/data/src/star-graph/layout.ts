import { edgeCount, type StarGraphConfig } from './config.js';

/** The ids behind the node names 0..N-1, in the order of the paper's own vocabulary. */
export interface StarGraphVocabulary {
  /** Ids lie in 0..size-1. */
  readonly size: number;
  /** `|` between two edges (token format only). */
  readonly separator: number;
  /** `=` ends the prompt. */
  readonly answer: number;
  /** `/` ends the edge list. */
  readonly question: number;
  /** `$`, in no example: stands in for answer tokens that an objective hides. */
  readonly blank: number;
}

/** Node names 0..N-1, then `|`, `=`, `/` and `$`: N + 4 ids in both formats. */
export function starGraphVocabulary(names: number): StarGraphVocabulary {
  return { size: names + 4, separator: names, answer: names + 1, question: names + 2, blank: names + 3 };
}

/** A node name as its number, a special token as its sign. */
export function starGraphTokenText(id: number, names: number): string {
  if (id >= 0 && id < names) return String(id);
  return ['|', '=', '/', '$'][id - names] ?? `<${id}>`;
}

/** How many positions the parts of an example take; the same for all examples of a configuration. */
export interface StarGraphLayout {
  readonly channels: number;
  /** Edge list, `/`, start, goal, `=`. */
  readonly promptTime: number;
  /** The path. */
  readonly answerTime: number;
  /** Prompt and answer. */
  readonly time: number;
}

const QUESTION_TIME = 4;

/** An edge takes three positions in token format, with no `|` behind the last, and one in edge format. */
export function starGraphLayout(
  config: Pick<StarGraphConfig, 'degree' | 'length' | 'format'>,
): StarGraphLayout {
  const edges = edgeCount(config);
  const promptTime = (config.format === 'token' ? 3 * edges - 1 : edges) + QUESTION_TIME;
  const channels = config.format === 'token' ? 1 : 2;
  return { channels, promptTime, answerTime: config.length, time: promptTime + config.length };
}
