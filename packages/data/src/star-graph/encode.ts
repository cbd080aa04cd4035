import type { SequenceBatch } from '../sequence-batch.js';
import type { StarGraphConfig } from './config.js';
import type { StarGraphExample } from './graph.js';
import { starGraphLayout, starGraphVocabulary } from './layout.js';

/** In a channel that a position does not use. */
const NOTHING = -1;

/** The prompt of an example: one entry a position, with as many ids as the position uses channels. */
function promptPositions(example: StarGraphExample, config: StarGraphConfig): number[][] {
  const { separator, question, answer } = starGraphVocabulary(config.names);
  const edgeList =
    config.format === 'edge'
      ? example.edges.map(([from, to]) => [from, to])
      : example.edges.flatMap(([from, to], place) =>
          place === 0 ? [[from], [to]] : [[separator], [from], [to]],
        );
  return [...edgeList, [question], [example.graph.start], [example.goal], [answer]];
}

/** The answer as it is to be written: the path, from the goal's end when targets are reversed. */
export function answerTokens(example: StarGraphExample, target: StarGraphConfig['target']): number[] {
  return target === 'forward' ? [...example.path] : example.path.toReversed();
}

/**
 * Writes examples into a batch, prompt and answer, or the prompts alone.
 *
 * @returns tokens of shape `[examples, time, channels]`, where all sequences have the same length.
 */
export function encodeExamples(
  examples: readonly StarGraphExample[],
  config: StarGraphConfig,
  part: 'prompt' | 'whole',
): SequenceBatch {
  const layout = starGraphLayout(config);
  const time = part === 'whole' ? layout.time : layout.promptTime;
  const tokens = new Int32Array(examples.length * time * layout.channels).fill(NOTHING);
  examples.forEach((example, row) => {
    const answer = part === 'whole' ? answerTokens(example, config.target).map((node) => [node]) : [];
    [...promptPositions(example, config), ...answer].forEach((ids, position) => {
      tokens.set(ids, (row * time + position) * layout.channels);
    });
  });
  return {
    batch: examples.length,
    time,
    channels: layout.channels,
    tokens,
    lengths: new Int32Array(examples.length).fill(time),
    prefixLengths: new Int32Array(examples.length).fill(layout.promptTime),
  };
}
