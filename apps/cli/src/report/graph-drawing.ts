import { type StarGraphDrawing, StarGraphTask } from '@foretoken/data';
import { html, type Markup } from './escape.js';
import type { RunLog } from './run-logs.js';

const [WIDTH, RADIUS, NODE] = [340, 138, 13];
/** Room around the nodes, for the words above them. */
const MARGIN = NODE + 18;
const at = (x: number): number => WIDTH / 2 + x * RADIUS;
const down = (y: number): number => y * RADIUS;

/** The path through the graph that an answer names, as far as its nodes exist. */
function answerRoute(drawing: StarGraphDrawing, answer: readonly number[]): string {
  const places = answer.flatMap((id) => drawing.nodes.find((node) => node.id === id) ?? []);
  return places.map(({ x, y }) => `${at(x).toFixed(1)},${down(y).toFixed(1)}`).join(' ');
}

function drawGraph(drawing: StarGraphDrawing, answer: readonly number[], colour: string): Markup {
  const place = new Map(drawing.nodes.map((node) => [node.id, node]));
  const edges = drawing.edges.map(({ from, to }) => {
    const [a, b] = [place.get(from), place.get(to)];
    if (!a || !b) return '';
    return html`<line x1="${at(a.x)}" y1="${down(a.y)}" x2="${at(b.x)}" y2="${down(b.y)}" stroke="var(--line)" stroke-width="2"/>`;
  });
  const nodes = drawing.nodes.map(({ id, label, x, y }) => {
    const role = id === drawing.start ? 'start' : id === drawing.goal ? 'goal' : '';
    const ring =
      role === ''
        ? html``
        : html`<text x="${at(x)}" y="${down(y) - NODE - 6}" text-anchor="middle" font-size="11" fill="var(--soft)">${role}</text>`;
    const stroke = role === '' ? 'var(--line)' : 'var(--ink)';
    return html`<circle cx="${at(x)}" cy="${down(y)}" r="${NODE}" fill="var(--page)" stroke="${stroke}" stroke-width="1.5"/><text x="${at(x)}" y="${down(y) + 4}" text-anchor="middle" font-size="12" fill="var(--ink)">${label}</text>${ring}`;
  });
  const heights = drawing.nodes.map(({ y }) => down(y));
  const top = Math.min(...heights) - MARGIN;
  const height = Math.max(...heights) + MARGIN - top;
  const route = answerRoute(drawing, answer);
  return html`<svg viewBox="0 ${top} ${WIDTH} ${height}" role="img" aria-label="The graph, and the path that was answered">${edges}<polyline points="${route}" fill="none" stroke="${colour}" stroke-width="4" stroke-linejoin="round" stroke-linecap="round" opacity="0.85"/>${nodes}</svg>`;
}

/** One question of the final test with the answer of one run. */
export interface DrawnAnswer {
  readonly drawing: Markup;
  readonly text: string;
  readonly correct: boolean;
}

/** The graph of a question, as text and, for each run that is asked for, with its answer drawn in. */
export class Question {
  readonly #drawing: StarGraphDrawing;
  readonly #answer: readonly number[];

  constructor(
    log: RunLog,
    readonly index: number,
  ) {
    const settings = { ...log.record?.recipe.task, seed: log.seed };
    const task = new StarGraphTask(settings as ConstructorParameters<typeof StarGraphTask>[0]);
    this.#drawing = task.describe('test', index);
    this.#answer = [...(task.questions('test', index, 1).answers[0] ?? [])];
  }

  get prompt(): string {
    return this.#drawing.prompt;
  }
  get answer(): string {
    return this.#drawing.answer;
  }

  /** What a run answered; nothing when its summary holds no answer to this question. */
  answered(log: RunLog, colour: string): DrawnAnswer | undefined {
    const given = log.summary?.answers[this.index];
    if (given === undefined) return undefined;
    const correct =
      given.length === this.#answer.length && given.every((id, place) => id === this.#answer[place]);
    return { drawing: drawGraph(this.#drawing, given, colour), text: given.join(' '), correct };
  }
}

/** The first kept question that some run got wrong and another right; else the first. */
export function tellingQuestion(logs: readonly RunLog[]): Question | undefined {
  const log = logs.find(({ record, summary }) => record !== undefined && (summary?.answers.length ?? 0) > 0);
  if (log === undefined) return undefined;
  const count = log.summary?.answers.length ?? 0;
  const questions = Array.from({ length: count }, (_, index) => new Question(log, index));
  const divides = (question: Question): boolean =>
    new Set(logs.map((each) => question.answered(each, '')?.correct)).size > 1;
  return questions.find(divides) ?? questions[0];
}
