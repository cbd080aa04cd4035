import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactMatch, firstHop, firstHopPlace, StarGraphTask, TaskUsageError } from '../src/index.js';

const forward = new StarGraphTask({ degree: 3, length: 4, names: 12, format: 'edge' });
const reversed = new StarGraphTask({ degree: 3, length: 4, names: 12, format: 'token', target: 'reversed' });

describe('exactMatch and firstHop', () => {
  it.each([
    // [generated, forward path 3 0 5 7] -> exact match, first hop (place 1)
    [[3, 0, 5, 7], true, true],
    [[3, 0, 5, 1], false, true],
    [[3, 2, 5, 7], false, false],
    [[9, 0, 9, 9], false, true],
    [[3, 0], false, true],
    [[3], false, false],
    [[], false, false],
  ])('forward: %j against 3 0 5 7', (generated, exact, first) => {
    expect(exactMatch(generated, [3, 0, 5, 7])).toBe(exact);
    expect(firstHop(generated, [3, 0, 5, 7], 'forward')).toBe(first);
  });

  it.each([
    // [generated, reversed path 7 5 0 3] -> exact match, first hop (place 2, the node next to the start)
    [[7, 5, 0, 3], true, true],
    [[7, 1, 0, 3], false, true],
    [[7, 5, 2, 3], false, false],
    [[7, 5], false, false],
  ])('reversed: %j against 7 5 0 3', (generated, exact, first) => {
    expect(exactMatch(generated, [7, 5, 0, 3])).toBe(exact);
    expect(firstHop(generated, [7, 5, 0, 3], 'reversed')).toBe(first);
  });

  it('a longer answer is no exact match', () => {
    expect(exactMatch([3, 0, 5, 7, 7], [3, 0, 5, 7])).toBe(false);
  });

  it.each([forward, reversed])('the first hop is the neighbour of the start on the path', (task) => {
    fc.assert(
      fc.property(fc.nat(100_000), (index) => {
        const { path } = task.example('test', index);
        const answer = task.questions('test', index, 1).answers[0] ?? [];
        expect(answer[firstHopPlace(4, task.config.target)]).toBe(path[1]);
      }),
    );
  });
});

describe('questions', () => {
  it.each([forward, reversed])(
    'are the prompts and the answers of the examples with the same numbers',
    (task) => {
      const count = 6;
      const { prompts, answers, maxAnswerLength } = task.questions('validation', 12, count);
      const whole = task.batch('validation', 2, count);
      expect(maxAnswerLength).toBe(4);
      expect(prompts.lengths).toEqual(prompts.prefixLengths);
      expect(prompts.prefixLengths).toEqual(whole.prefixLengths);
      for (let row = 0; row < count; row++) {
        const promptWords = prompts.time * task.channels;
        const start = row * whole.time * task.channels;
        expect(prompts.tokens.subarray(row * promptWords, (row + 1) * promptWords)).toEqual(
          whole.tokens.subarray(start, start + promptWords),
        );
        const answer = whole.tokens
          .subarray(start + promptWords, start + whole.time * task.channels)
          .filter((_, word) => word % task.channels === 0);
        expect(answers[row]).toEqual(answer);
      }
    },
  );

  it('give full marks to the right answers and none to silence', () => {
    const questions = forward.questions('test', 0, 10);
    expect(questions.score(questions.answers).mean).toEqual({ exactMatch: 1, firstHop: 1 });
    expect(questions.score(questions.answers.map(() => [])).mean).toEqual({ exactMatch: 0, firstHop: 0 });
  });

  it('score each answer for itself and report the mean', () => {
    const questions = forward.questions('test', 0, 4);
    const given = questions.answers.map((answer) => Array.from(answer));
    (given[1] ?? [])[3] = -1;
    (given[2] ?? [])[1] = -1;
    expect(questions.score(given)).toEqual({
      mean: { exactMatch: 0.5, firstHop: 0.75 },
      each: [
        { exactMatch: 1, firstHop: 1 },
        { exactMatch: 0, firstHop: 1 },
        { exactMatch: 0, firstHop: 0 },
        { exactMatch: 1, firstHop: 1 },
      ],
    });
  });

  it.each([forward, reversed])('guessing an arm and following it scores the stated chance', (task) => {
    const count = 3000;
    const guesses = Array.from({ length: count }, (_, index) => {
      const { graph } = task.example('test', index);
      const path = [graph.start, ...(graph.arms[index % 3] ?? [])];
      return task.config.target === 'forward' ? path : path.reverse();
    });
    const { mean } = task.questions('test', 0, count).score(guesses);
    for (const metric of task.metrics) {
      expect(metric.chance).toBe(1 / 3);
      // Four standard deviations of a mean over 3000 guesses.
      expect(Math.abs((mean[metric.name] ?? 0) - 1 / 3)).toBeLessThan(0.035);
    }
  });

  it('refuse answers that cannot belong to them', () => {
    const questions = forward.questions('test', 0, 2);
    expect(() => questions.score([[1, 2, 3, 4]])).toThrow(TaskUsageError);
    expect(() => questions.score([[1, 2, 3, 4]])).toThrow('star-graph score: expected 2 answers, got 1.');
    expect(() => questions.score([[1], [1, 2, 3, 4, 5]])).toThrow(
      'answer 1 has 5 tokens, a path has 4. Pass the generated tokens alone, without the prompt.',
    );
  });
});

describe('describe', () => {
  it('draws the example that the prompt asks about', () => {
    const drawing = forward.describe('test', 3);
    const { graph, edges, goal, path } = forward.example('test', 3);
    expect(drawing).toMatchObject({
      kind: 'star-graph',
      start: graph.start,
      goal,
      path,
      answer: path.join(' '),
    });
    expect(drawing.edges.map(({ from, to }) => [from, to])).toEqual(edges);
    expect(drawing.edges.filter(({ onPath }) => onPath)).toHaveLength(path.length - 1);
    expect(drawing.prompt).toBe(
      [...edges.map(([from, to]) => `${from}-${to}`), '/', graph.start, goal, '='].join(' '),
    );
    expect(new Set(drawing.nodes.map(({ id }) => id)).size).toBe(10);
    const centre = drawing.nodes.find(({ arm }) => arm === null);
    expect(centre).toMatchObject({ id: graph.start, depth: 0, x: 0, y: 0 });
    for (const { depth, x, y } of drawing.nodes) expect(Math.hypot(x, y)).toBeCloseTo(depth / 3);
  });

  it('writes prompt and answer of reversed targets as they are trained', () => {
    const { path, prompt, answer } = reversed.describe('test', 0);
    expect(answer).toBe(path.toReversed().join(' '));
    expect(prompt.split(' ')).toHaveLength(reversed.layout.promptTime);
  });
});
