import { describe, expect, it } from 'vitest';
import {
  parseStarGraphConfig,
  type StarGraphExample,
  starGraphLayout,
  starGraphTokenText,
} from '../src/index.js';
import { encodeExamples } from '../src/star-graph/encode.js';

// Worked by hand: G(2, 3) with 8 names. Centre 3, arms 3-6-1 and 3-0-7, asked for 7.
// Vocabulary: names 0..7, | = 8, '=' = 9, / = 10, $ = 11.
const example: StarGraphExample = {
  graph: {
    start: 3,
    arms: [
      [6, 1],
      [0, 7],
    ],
  },
  edges: [
    [0, 7],
    [3, 6],
    [3, 0],
    [6, 1],
  ],
  goal: 7,
  path: [3, 0, 7],
};
const base = { degree: 2, length: 3, names: 8 } as const;

describe('token format', () => {
  const config = parseStarGraphConfig({ ...base, format: 'token' });

  it('writes "0 7 | 3 6 | 3 0 | 6 1 / 3 7 = 3 0 7", one position a token', () => {
    const batch = encodeExamples([example], config, 'whole');
    expect(Array.from(batch.tokens)).toEqual([0, 7, 8, 3, 6, 8, 3, 0, 8, 6, 1, 10, 3, 7, 9, 3, 0, 7]);
    expect(batch).toMatchObject({ batch: 1, time: 18, channels: 1 });
    expect(Array.from(batch.lengths)).toEqual([18]);
    expect(Array.from(batch.prefixLengths)).toEqual([15]);
    expect(Array.from(batch.tokens, (id) => starGraphTokenText(id, 8)).join(' ')).toBe(
      '0 7 | 3 6 | 3 0 | 6 1 / 3 7 = 3 0 7',
    );
  });

  it('writes the path from the goal when targets are reversed', () => {
    const reversed = parseStarGraphConfig({ ...base, format: 'token', target: 'reversed' });
    const { tokens } = encodeExamples([example], reversed, 'whole');
    expect(Array.from(tokens.subarray(0, 15))).toEqual([0, 7, 8, 3, 6, 8, 3, 0, 8, 6, 1, 10, 3, 7, 9]);
    expect(Array.from(tokens.subarray(15))).toEqual([7, 0, 3]);
  });
});

describe('edge format', () => {
  const config = parseStarGraphConfig({ ...base, format: 'edge' });

  it('writes one position an edge in two channels, -1 in channel 1 elsewhere', () => {
    const batch = encodeExamples([example], config, 'whole');
    expect(Array.from(batch.tokens)).toEqual([
      ...[0, 7],
      ...[3, 6],
      ...[3, 0],
      ...[6, 1],
      ...[10, -1],
      ...[3, -1],
      ...[7, -1],
      ...[9, -1],
      ...[3, -1],
      ...[0, -1],
      ...[7, -1],
    ]);
    expect(batch).toMatchObject({ batch: 1, time: 11, channels: 2 });
    expect(Array.from(batch.lengths)).toEqual([11]);
    expect(Array.from(batch.prefixLengths)).toEqual([8]);
  });

  it('stops behind the prompt when asked for prompts', () => {
    const whole = encodeExamples([example, example], config, 'whole');
    const prompts = encodeExamples([example, example], config, 'prompt');
    expect(prompts.time).toBe(8);
    expect(prompts.lengths).toEqual(prompts.prefixLengths);
    for (const row of [0, 1]) {
      expect(prompts.tokens.subarray(row * 16, (row + 1) * 16)).toEqual(
        whole.tokens.subarray(row * 22, row * 22 + 16),
      );
    }
  });
});

describe('starGraphLayout', () => {
  it.each([
    // R1: 6 edges, / s g =, 4 path tokens.
    [
      { degree: 2, length: 4, format: 'edge' },
      { channels: 2, promptTime: 10, answerTime: 4, time: 14 },
    ],
    // R2: 6 edges of 3 tokens less one |, 4, 4.
    [
      { degree: 2, length: 4, format: 'token' },
      { channels: 1, promptTime: 21, answerTime: 4, time: 25 },
    ],
    // R3: 8 edges, 4, 5.
    [
      { degree: 2, length: 5, format: 'edge' },
      { channels: 2, promptTime: 12, answerTime: 5, time: 17 },
    ],
    // The paper's G(2, 5): 3 * 8 + 3 tokens of prompt.
    [
      { degree: 2, length: 5, format: 'token' },
      { channels: 1, promptTime: 27, answerTime: 5, time: 32 },
    ],
  ] as const)('of %j', (config, layout) => {
    expect(starGraphLayout(config)).toEqual(layout);
  });
});
