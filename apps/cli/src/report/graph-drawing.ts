import { exactMatch, type StarGraphDrawing, type StarGraphOptions, StarGraphTask } from '@foretoken/data';
import type { Recipe, RunSummary } from '@foretoken/train';
import { html, type Markup } from './escape.js';

const NODE = 13;
/** Between two neighbours on an arm, where the arms leave that much room. */
const SPACING = 46;
/** Room around the nodes, for the words above them. */
const MARGIN = NODE + 18;

/** Nodes of a graph that is drawn, tokens of an answer and questions to choose from, at most. */
const [MOST_NODES, LONGEST, KEPT] = [400, 200, 32];

interface Point {
  readonly id: number;
  readonly x: number;
  readonly y: number;
}

/** Scales the unit circle of a drawing so that no two nodes touch. */
function place({ nodes }: StarGraphDrawing): Map<number, Point> {
  const [depth, arms] = nodes.reduce(
    ([deepest, most], node) => [Math.max(deepest, node.depth), Math.max(most, (node.arm ?? 0) + 1)],
    [1, 1],
  );
  // The first nodes of neighbouring arms stand closest together.
  const apart = arms > 1 ? 2 * Math.sin(Math.PI / arms) : 1;
  const scale = depth * Math.max(SPACING, (2 * NODE + 6) / apart);
  return new Map(
    nodes.map(({ id, x, y }) => [id, { id, x: Math.round(x * scale), y: Math.round(y * scale) }]),
  );
}

/** One step of an answer: a part of an SVG path, and the highest point of it. */
interface Step {
  readonly line: string;
  readonly top: number;
  readonly isEdge: boolean;
}

/**
 * The steps of an answer, as far as its nodes exist. A step along an edge covers it; one that the graph does not
 * have leaps over the nodes between.
 */
function stepsOf({ edges }: StarGraphDrawing, points: Map<number, Point>, answer: readonly number[]): Step[] {
  const stops = answer.flatMap((id) => points.get(id) ?? []);
  return stops.slice(1).map((b, before) => {
    const a = stops[before] ?? b;
    const isEdge = edges.some(
      ({ from, to }) => (from === a.id && to === b.id) || (from === b.id && to === a.id),
    );
    if (isEdge) return { line: `M${a.x} ${a.y}L${b.x} ${b.y}`, top: Math.min(a.y, b.y), isEdge };
    const [across, rise] = [(a.x + b.x + b.y - a.y) / 2, Math.abs(b.x - a.x) / 2];
    const middle = (a.y + b.y) / 2;
    const line = `M${a.x} ${a.y}Q${across} ${middle - rise} ${b.x} ${b.y}`;
    // A quadratic curve reaches half as high as its control point.
    return { line, top: Math.min(a.y, b.y, middle - rise / 2), isEdge };
  });
}

function drawGraph(drawing: StarGraphDrawing, answer: readonly number[], colour: string): Markup {
  const points = place(drawing);
  const edges = drawing.edges.flatMap(({ from, to }) => {
    const [a, b] = [points.get(from), points.get(to)];
    if (!a || !b) return [];
    return html`<path d="M${a.x} ${a.y}L${b.x} ${b.y}" stroke="var(--line)" stroke-width="2"/>`;
  });
  const nodes = drawing.nodes.flatMap(({ id, label }) => {
    const point = points.get(id);
    if (!point) return [];
    const { x, y } = point;
    const role = id === drawing.start ? 'start' : id === drawing.goal ? 'goal' : '';
    const word =
      role === ''
        ? html``
        : html`<text x="${x}" y="${y + NODE + 14}" text-anchor="middle" font-size="13" fill="var(--soft)">${role}</text>`;
    const stroke = role === '' ? 'var(--line)' : 'var(--ink)';
    return html`<circle cx="${x}" cy="${y}" r="${NODE}" fill="var(--panel)" stroke="${stroke}" stroke-width="1.5"/><text x="${x}" y="${y + 4}" text-anchor="middle" font-size="13" fill="var(--ink)">${label}</text>${word}`;
  });
  const steps = stepsOf(drawing, points, answer);
  const route = steps.map(
    ({ line, isEdge }) =>
      html`<path d="${line}" fill="none" stroke="${colour}" stroke-width="4" stroke-linecap="round"${isEdge ? html`` : html` stroke-dasharray="3 6"`}/>`,
  );
  const all = [...points.values()];
  const left = Math.min(...all.map(({ x }) => x)) - MARGIN;
  const width = Math.max(...all.map(({ x }) => x)) + MARGIN - left;
  const top = Math.min(...all.map(({ y }) => y - NODE), ...steps.map((step) => step.top)) - 4;
  const height = Math.max(...all.map(({ y }) => y)) + MARGIN - top;
  // Large graphs are scrolled rather than made too small to read.
  return html`<div class="graph"><svg viewBox="${left} ${top} ${width} ${height}" width="${width}" height="${height}" style="min-width:${Math.round(0.85 * width)}px" role="img" aria-label="The graph, and the path that was answered">${edges}${route}${nodes}</svg></div>`;
}

/** One question of the final test with the answer of one run. */
export interface DrawnAnswer {
  readonly drawing: Markup;
  readonly text: string;
  readonly correct: boolean;
}

/** The graph of a question, as text and, for each run that is asked for, with its answer drawn in. */
export class Question {
  readonly #task: StarGraphTask;
  readonly #drawing: StarGraphDrawing;
  readonly #answer: ArrayLike<number>;

  constructor(
    recipe: Recipe,
    readonly index: number,
    /** How many questions there are to choose from. */
    readonly kept: number,
  ) {
    // Held-out graphs do not depend on the seed of a run. The recipe was checked when it was read.
    this.#task = new StarGraphTask({ ...recipe.task, seed: 0 } as unknown as StarGraphOptions);
    this.#drawing = this.#task.describe('test', index);
    this.#answer = this.#task.questions('test', index, 1).answers[0] ?? [];
  }

  get prompt(): string {
    return this.#drawing.prompt;
  }
  get answer(): string {
    return this.#drawing.answer;
  }

  /** What a run answered; nothing when its summary holds no answer to this question. */
  answered({ answers }: RunSummary, colour: string): DrawnAnswer | undefined {
    const given = answers[this.index]?.slice(0, LONGEST);
    if (given === undefined) return undefined;
    return {
      drawing: drawGraph(this.#drawing, given, colour),
      text: given.map((id) => this.#task.tokenText(id)).join(' '),
      correct: exactMatch(given, this.#answer),
    };
  }
}

/**
 * The first kept question that some run got wrong and another right; else the first.
 *
 * @returns undefined where no answers are kept, or the graphs are too large to be drawn
 */
export function tellingQuestion(
  recipe: Recipe,
  runs: readonly { readonly summary: RunSummary }[],
): Question | undefined {
  const { arms, length } = recipe.task as { readonly arms?: number; readonly length?: number };
  if ((arms ?? 2) * (length ?? 2) > MOST_NODES) return undefined;
  const count = runs.reduce((most, { summary }) => Math.max(most, summary.answers.length), 0);
  const kept = Math.min(count, KEPT);
  const questions = Array.from({ length: kept }, (_, index) => new Question(recipe, index, kept));
  const divides = (question: Question): boolean =>
    new Set(runs.map(({ summary }) => question.answered(summary, '')?.correct)).size > 1;
  return questions.find(divides) ?? questions[0];
}
