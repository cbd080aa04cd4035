// Draws one example of the star-graph task in both formats: node tools/draw-example.mjs [FILE]
// Needs the built package. The picture is a function of the settings alone; running it again changes nothing.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { StarGraphTask, starGraphSettings } from '../dist/index.js';

const EXAMPLE = 0;
const WIDTH = 780;
const MARGIN = 20;
const BOX = 29;

const tasks = {
  edge: new StarGraphTask(starGraphSettings['star-graph']),
  token: new StarGraphTask(starGraphSettings['star-graph-paper']),
};
const drawing = tasks.edge.describe('test', EXAMPLE);

const text = (x, y, content, attributes = '') => `<text x="${x}" y="${y}" ${attributes}>${content}</text>`;

function graph(centreY) {
  const place = ({ x, y }) =>
    [WIDTH / 2 + x * (WIDTH / 2 - 70), centreY + y * 60].map((value) => value.toFixed(1));
  const byId = new Map(drawing.nodes.map((node) => [node.id, node]));
  const lines = drawing.edges.map(({ from, to, onPath }) => {
    const [[x1, y1], [x2, y2]] = [place(byId.get(from)), place(byId.get(to))];
    return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" class="edge${onPath ? ' path' : ''}"/>`;
  });
  const circles = drawing.nodes.map((node) => {
    const [x, y] = place(node);
    const role = node.id === drawing.start ? 'start' : node.id === drawing.goal ? 'goal' : '';
    const onPath = drawing.path.includes(node.id) ? ' path' : '';
    return [
      `<circle cx="${x}" cy="${y}" r="18" class="node${onPath}"/>`,
      text(x, Number(y) + 5, node.label, 'class="name"'),
      role && text(x, Number(y) + 38, role, 'class="role"'),
    ].join('');
  });
  return [...lines, ...circles].join('\n');
}

function row(task, top, title) {
  const { tokens, time, channels, prefixLengths } = task.batch('test', EXAMPLE, 1);
  const boxes = Array.from({ length: time }, (_, position) => {
    const kind = position < prefixLengths[0] ? 'prompt' : 'answer';
    const x = MARGIN + position * BOX;
    return Array.from({ length: channels }, (_, channel) => {
      const id = tokens[position * channels + channel];
      const y = top + channel * BOX;
      const label = id < 0 ? '' : task.tokenText(id);
      return `<rect x="${x}" y="${y}" width="${BOX - 3}" height="${BOX - 3}" rx="4" class="box ${kind}"/>${text(
        x + (BOX - 3) / 2,
        y + 18,
        label,
        'class="name"',
      )}`;
    }).join('');
  });
  return [text(MARGIN, top - 10, title, 'class="title"'), ...boxes].join('\n');
}

const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .name { text-anchor: middle; font-weight: 600; }
  .role { text-anchor: middle; fill: #59636e; }
  .edge { stroke: #b1bac4; stroke-width: 2; }
  .edge.path { stroke: #0969da; stroke-width: 4; }
  .node { fill: #f6f8fa; stroke: #b1bac4; stroke-width: 2; }
  .node.path { fill: #ddf4ff; stroke: #0969da; }
  .box { stroke: #d1d9e0; }
  .prompt { fill: #f6f8fa; }
  .answer { fill: #ddf4ff; stroke: #0969da; }
  .page { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .role { fill: #9198a1; }
    .edge { stroke: #656c76; }
    .edge.path { stroke: #4493f8; }
    .node { fill: #151b23; stroke: #656c76; }
    .node.path { fill: #0c2d6b; stroke: #4493f8; }
    .box { stroke: #3d444d; }
    .prompt { fill: #151b23; }
    .answer { fill: #0c2d6b; stroke: #4493f8; }
    .page { fill: #0d1117; }
  }`;

const { layout } = tasks.edge;
const height = 350;
const caption = `A star of two arms with ${layout.answerTime} nodes each. Prompt: ${drawing.prompt}. Answer: ${drawing.answer}.`;
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${caption}">
<style>${style}
</style>
<rect class="page" width="${WIDTH}" height="${height}" rx="8"/>
${graph(60)}
${row(tasks.edge, 165, `edge format: ${tasks.edge.maxTime} positions, an edge in two channels`)}
${row(tasks.token, 280, `token format: ${tasks.token.maxTime} positions, one token each`)}
${text(MARGIN, height - 16, 'grey: the prompt; blue: the path to write', 'class="title"')}
</svg>
`;

const file =
  process.argv[2] ?? fileURLToPath(new URL('../../../docs/images/star-graph.svg', import.meta.url));
writeFileSync(file, svg);
