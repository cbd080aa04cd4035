import type { RegisterLook, RegisterView } from '../images/register-view.js';
import { html, type Markup } from './escape.js';

/** Width and height of a token in the drawing. */
const CELL = 26;
/** Room on the left for the class token and the register itself. */
const MARGIN = 54;
/** Room above for what the offset is, and below for what comes out. */
const [ABOVE, BELOW] = [24, 62];
const GAP = 22;
const PATCH = 30;
/** Of the circle of the greatest attention. */
const RADIUS = 0.36 * CELL;

const pngUrl = (base64: string): string => `data:image/png;base64,${base64}`;

const picture = (png: string, x: number, y: number, width: number, height: number): Markup =>
  html`<image href="${pngUrl(png)}" x="${x}" y="${y}" width="${width}" height="${height}" preserveAspectRatio="none" style="image-rendering:pixelated" image-rendering="optimizeSpeed"/>`;

const text = (words: string, x: number, y: number, colour = '--soft', anchor = 'start'): Markup =>
  html`<text x="${x}" y="${y}" font-size="12" text-anchor="${anchor}" fill="var(${colour})">${words}</text>`;

/** `2 rows down, 1 left` */
export function distanceText({ cell, target }: RegisterLook, width: number): string {
  const rows = Math.floor(target / width) - Math.floor(cell / width);
  const columns = (target % width) - (cell % width);
  const down = rows === 0 ? [] : [`${rows} ${rows === 1 ? 'row' : 'rows'} down`];
  const across = columns === 0 ? [] : [`${Math.abs(columns)} ${columns > 0 ? 'right' : 'left'}`];
  return [...down, ...across].join(', ');
}

const share = (probability: number): string => `${Math.round(100 * probability)}%`;

/** One register: what it sees in full, what it does not see faded, and its guess in the place of its target. */
function drawLook(look: RegisterLook, { height, width, image }: RegisterView): Markup {
  const [wide, high] = [width * CELL, height * CELL];
  const centre = (cell: number): [number, number] => [
    MARGIN + ((cell % width) + 0.5) * CELL,
    ABOVE + (Math.floor(cell / width) + 0.5) * CELL,
  ];
  const corner = (cell: number): [number, number] => {
    const [x, y] = centre(cell);
    return [x - CELL / 2, y - CELL / 2];
  };
  const unseen = Array.from({ length: height * width - look.cell - 1 }, (_, at) => {
    const [x, y] = corner(look.cell + 1 + at);
    return html`<rect x="${x}" y="${y}" width="${CELL}" height="${CELL}" fill="var(--panel)" opacity="0.82"/>`;
  });
  const { classToken, cells, itself } = look.attention;
  const most = Math.max(classToken, itself, ...cells);
  const circle = (weight: number, x: number, y: number): Markup =>
    html`<circle cx="${x}" cy="${y}" r="${(RADIUS * Math.sqrt(weight / most)).toFixed(2)}" fill="var(--orange)" opacity="0.85"/>`;
  const aside = (name: string, weight: number, row: number): Markup => {
    const [x, y] = [MARGIN - CELL - 10, ABOVE + row * (CELL + 22)];
    return html`<rect x="${x}" y="${y}" width="${CELL}" height="${CELL}" fill="none" stroke="var(--line)"/>${circle(weight, x + CELL / 2, y + CELL / 2)}${text(name, x + CELL / 2, y + CELL + 12, '--soft', 'middle')}`;
  };
  const [fromX, fromY] = centre(look.cell);
  const [toX, toY] = centre(look.target);
  const [cellX, cellY] = corner(look.cell);
  const [targetX, targetY] = corner(look.target);
  const below = ABOVE + high + 12;
  return html`${text(distanceText(look, width), MARGIN, ABOVE - 9, '--ink')}
${picture(image, MARGIN, ABOVE, wide, high)}${unseen}
<rect x="${MARGIN}" y="${ABOVE}" width="${wide}" height="${high}" fill="none" stroke="var(--line)"/>
${cells.map((weight, cell) => circle(weight, ...centre(cell)))}
${aside('class', classToken, 0)}${aside('itself', itself, 1)}
${picture(look.patch, targetX, targetY, CELL, CELL)}
<rect x="${targetX}" y="${targetY}" width="${CELL}" height="${CELL}" fill="none" stroke="var(--vermillion)" stroke-width="2.5"/>
<rect x="${cellX}" y="${cellY}" width="${CELL}" height="${CELL}" fill="none" stroke="var(--blue)" stroke-width="2.5"/>
<path d="M${fromX} ${fromY}L${toX} ${toY}" stroke="var(--blue)" stroke-width="2" stroke-dasharray="4 3" fill="none"/>
${picture(look.patch, MARGIN, below, PATCH, PATCH)}<rect x="${MARGIN}" y="${below}" width="${PATCH}" height="${PATCH}" fill="none" stroke="var(--vermillion)"/>
${text('guess', MARGIN + PATCH + 6, below + 12)}${text(share(look.likeliest), MARGIN + PATCH + 6, below + 26, '--ink')}
${picture(look.truePatch, MARGIN + 90, below, PATCH, PATCH)}<rect x="${MARGIN + 90}" y="${below}" width="${PATCH}" height="${PATCH}" fill="none" stroke="var(--soft)"/>
${text('truth', MARGIN + PATCH + 96, below + 12)}${text(share(look.truth), MARGIN + PATCH + 96, below + 26, '--ink')}`;
}

/** Width and height of the drawing of one register. */
const sizeOfLook = ({ width, height }: RegisterView) => ({
  width: MARGIN + width * CELL + 4,
  height: ABOVE + height * CELL + BELOW,
});

const frame = (width: number, height: number, body: Markup | readonly Markup[]): Markup =>
  html`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" font-family="system-ui, sans-serif">${body}</svg>`;

/** What each register sees and predicts, a drawing of its own for each, as {@link drawRegisters} has them side by side. */
export function drawEachRegister(view: RegisterView): Markup[] {
  const { width, height } = sizeOfLook(view);
  return view.looks.map((look) => frame(width, height, drawLook(look, view)));
}

/**
 * Draws what registers see and predict, side by side. The blue cell is the register's token, the last that it sees; circles
 * have the size of its attention; its guess stands in the place of its target.
 */
export function drawRegisters(view: RegisterView): Markup {
  const { width, height } = sizeOfLook(view);
  const looks = view.looks.map(
    (look, at) => html`<g transform="translate(${at * (width + GAP)} 0)">${drawLook(look, view)}</g>`,
  );
  return frame(view.looks.length * (width + GAP) - GAP, height, looks);
}
