import { checkCount, checkSize, checkSplit } from '../check-arguments.js';
import { TaskUsageError } from '../errors.js';
import { PhiloxRandom } from '../random/philox-random.js';
import type { SequenceBatch } from '../sequence-batch.js';
import type { Metric, QuestionSet, Score, SequenceTask, Split } from '../sequence-task.js';
import { parseStarGraphConfig, type StarGraphConfig, type StarGraphOptions } from './config.js';
import { layOutNodes, type StarGraphDrawing } from './drawing.js';
import { answerTokens, encodeExamples } from './encode.js';
import {
  countStarGraphs,
  type StarGraph,
  type StarGraphExample,
  sampleQuestion,
  sampleStarGraph,
} from './graph.js';
import {
  type StarGraphLayout,
  type StarGraphVocabulary,
  starGraphLayout,
  starGraphTokenText,
  starGraphVocabulary,
} from './layout.js';
import { exactMatch, firstHop, starGraphChance } from './metrics.js';
import { shareOf, splitOf } from './split.js';

/** Purposes of the random streams; numbers that stored runs depend on. */
const DOMAIN = { train: 0, validation: 1, test: 2, epochOrder: 3 } as const;

/** A split that owns any graph at all is found within this many draws a share, but for one case in e^200. */
const DRAWS_PER_SHARE = 200;

/**
 * The path-star task of Bachmann and Nagarajan (arXiv 2403.06963): given the shuffled edges of a star, its
 * centre and the end of one arm, write the path between them.
 *
 * Every example is a pure function of the seed, the split and its number, and no graph belongs to two splits.
 */
export class StarGraphTask implements SequenceTask {
  readonly name = 'star-graph';
  readonly config: Readonly<StarGraphConfig>;
  readonly vocabulary: StarGraphVocabulary;
  readonly layout: StarGraphLayout;
  readonly metrics: readonly Metric[];
  /** The order of the epoch asked for last; only spares drawing the same order again. */
  #epoch: { number: number; order: Uint32Array } | undefined;

  /** @throws TaskConfigError when the settings are wrong; the message lists every mistake. */
  constructor(options: StarGraphOptions) {
    this.config = Object.freeze(parseStarGraphConfig(options));
    this.vocabulary = starGraphVocabulary(this.config.names);
    this.layout = starGraphLayout(this.config);
    const chance = starGraphChance(this.config);
    this.metrics = [
      { name: 'exactMatch', label: 'exact match', chance },
      { name: 'firstHop', label: 'first hop', chance },
    ];
  }

  get vocabularySize(): number {
    return this.vocabulary.size;
  }

  get channels(): number {
    return this.layout.channels;
  }

  get maxTime(): number {
    return this.layout.time;
  }

  get blankToken(): number {
    return this.vocabulary.blank;
  }

  tokenText(id: number): string {
    return starGraphTokenText(id, this.config.names);
  }

  batch(split: Split, step: number, size: number): SequenceBatch {
    checkCount('star-graph batch: step', step, 0);
    checkSize('star-graph batch: size', size, this.layout.time * this.channels);
    return encodeExamples(this.#examples(split, step * size, size), this.config, 'whole');
  }

  questions(split: Split, first: number, count: number): QuestionSet {
    checkCount('star-graph questions: first', first, 0);
    checkSize('star-graph questions: count', count, this.layout.time * this.channels);
    const examples = this.#examples(split, first, count);
    const answers = examples.map((example) => Int32Array.from(answerTokens(example, this.config.target)));
    return {
      count,
      prompts: encodeExamples(examples, this.config, 'prompt'),
      answers,
      maxAnswerLength: this.layout.answerTime,
      score: (generated) => scoreAnswers(generated, answers, this.config),
    };
  }

  /**
   * Example `index` of a split. With a fixed training set, indices behind its end go through it again, in a
   * new order each epoch.
   *
   * @throws TaskUsageError when `index` is no non-negative integer or the split owns no graph.
   */
  example(split: Split, index: number): StarGraphExample {
    checkCount('star-graph example: index', index, 0);
    checkSplit('star-graph', split);
    const number = split === 'train' ? this.#trainingNumber(index) : index;
    const seed = split === 'train' ? this.config.seed : this.config.heldOutSeed;
    const random = new PhiloxRandom(seed, { domain: DOMAIN[split], index: number });
    return sampleQuestion(random, this.#sampleGraphOf(split, random));
  }

  /** An example as plain data for a report to draw. */
  describe(split: Split, index: number): StarGraphDrawing {
    const example = this.example(split, index);
    const { tokens, time, channels } = encodeExamples([example], this.config, 'prompt');
    const positions = Array.from({ length: time }, (_, position) =>
      Array.from(tokens.subarray(position * channels, (position + 1) * channels))
        .filter((id) => id >= 0)
        .map((id) => this.tokenText(id))
        .join('-'),
    );
    const { graph, goal, path } = example;
    return {
      kind: 'star-graph',
      nodes: layOutNodes(example),
      edges: example.edges.map(([from, to]) => ({ from, to, onPath: path.includes(to) })),
      start: graph.start,
      goal,
      path,
      prompt: positions.join(' '),
      answer: answerTokens(example, this.config.target).join(' '),
    };
  }

  #examples(split: Split, first: number, count: number): StarGraphExample[] {
    return Array.from({ length: count }, (_, place) => this.example(split, first + place));
  }

  #sampleGraphOf(split: Split, random: PhiloxRandom): StarGraph {
    const share = shareOf(split, this.config);
    for (let draw = 0; draw * share < DRAWS_PER_SHARE && share > 0; draw++) {
      const graph = sampleStarGraph(random, this.config);
      if (splitOf(graph, this.config) === split) return graph;
    }
    throw new TaskUsageError(
      `star-graph: the ${split} split owns none of the ${countStarGraphs(this.config)} graphs ` +
        `(its share is ${share}). Raise ${split === 'train' ? 'names' : `${split}Share or names`}.`,
    );
  }

  /** Maps a place in the endless training stream to the number of the example that stands there. */
  #trainingNumber(index: number): number {
    const size = this.config.trainingExamples;
    if (size === null) return index;
    const epoch = Math.floor(index / size);
    if (this.#epoch?.number !== epoch) {
      const random = new PhiloxRandom(this.config.seed, { domain: DOMAIN.epochOrder, index: epoch });
      this.#epoch = {
        number: epoch,
        order: random.shuffle(Uint32Array.from({ length: size }, (_, place) => place)),
      };
    }
    return this.#epoch.order[index % size] ?? 0;
  }
}

function scoreAnswers(
  generated: readonly ArrayLike<number>[],
  answers: readonly Int32Array[],
  config: Pick<StarGraphConfig, 'length' | 'target'>,
): Score {
  if (generated.length !== answers.length) {
    throw new TaskUsageError(
      `star-graph score: expected ${answers.length} answers, got ${generated.length}.`,
    );
  }
  const each = answers.map((expected, question) => {
    const answer = generated[question] ?? [];
    if (answer.length > config.length) {
      throw new TaskUsageError(
        `star-graph score: answer ${question} has ${answer.length} tokens, a path has ${config.length}. ` +
          'Pass the generated tokens alone, without the prompt.',
      );
    }
    return {
      exactMatch: Number(exactMatch(answer, expected)),
      firstHop: Number(firstHop(answer, expected, config.target)),
    };
  });
  const mean = (metric: 'exactMatch' | 'firstHop') =>
    each.reduce((total, scores) => total + scores[metric], 0) / each.length;
  return { mean: { exactMatch: mean('exactMatch'), firstHop: mean('firstHop') }, each };
}
