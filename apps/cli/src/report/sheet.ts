import { html, Markup } from './escape.js';
import { type Look, swatch } from './palette.js';

/** Around a sheet, and between what is on it. */
const [EDGE, GAP] = [18, 30];
const TITLE = 26;
const KEY = 24;
/** Of a letter at the size of a key, with something to spare: nothing here measures text. */
const LETTER = 7.6;
const SWATCH = 38;

/** A drawing of its own on a sheet. */
export interface Panel {
  readonly title: string;
  readonly svg: string;
}

/** What a mark stands for. */
export interface KeyEntry {
  readonly title: string;
  readonly look: Look;
}

/** Width and height of a drawing, as it says them itself. */
export function sizeOfSvg(svg: string): { readonly width: number; readonly height: number } {
  const [, root = ''] = /^\s*<svg([^>]*)>/.exec(svg) ?? [];
  const [width, height] = ['width', 'height'].map((name) =>
    Number(new RegExp(`\\b${name}="([\\d.]+)"`).exec(root)?.[1] ?? 0),
  );
  return { width: Math.ceil(width as number), height: Math.ceil(height as number) };
}

export const heading = (words: string, x: number, y: number, size = 15): Markup =>
  html`<text x="${x}" y="${y}" font-size="${size}" font-weight="600" font-family="system-ui, sans-serif" fill="var(--ink)">${words}</text>`;

export const sheet = (width: number, height: number, body: readonly Markup[]): string =>
  html`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${body}</svg>`
    .text;

/** The key as rows no wider than the sheet, one entry behind the other. */
function keyRows(
  entries: readonly KeyEntry[],
  width: number,
): { readonly body: Markup[]; readonly rows: number } {
  let [x, row] = [0, 0];
  const body = entries.map(({ title, look }) => {
    const wide = SWATCH + LETTER * title.length + 22;
    if (x > 0 && x + wide > width) [x, row] = [0, row + 1];
    const placed = html`<g transform="translate(${x} ${row * KEY})"><g transform="translate(0 2)">${swatch(look)}</g><text x="${SWATCH}" y="13" font-size="14" font-family="system-ui, sans-serif" fill="var(--ink)">${title}</text></g>`;
    x += wide;
    return placed;
  });
  return { body, rows: entries.length === 0 ? 0 : row + 1 };
}

/** Drawings side by side, each below its title, with one title and one key for all of them. */
export function panelSheet(title: string, panels: readonly Panel[], key: readonly KeyEntry[]): string {
  const sizes = panels.map(({ svg }) => sizeOfSvg(svg));
  const cell = Math.max(...sizes.map(({ width }) => width)) + GAP;
  const high = Math.max(...sizes.map(({ height }) => height));
  const width = 2 * EDGE + cell * panels.length - GAP;
  const rows = keyRows(key, width - 2 * EDGE);
  const isNamed = panels.some((panel) => panel.title !== '');
  const top = EDGE + TITLE + (isNamed ? TITLE : 0);
  const body = panels.map((panel, at) => {
    const x = EDGE + at * cell;
    const inner = new Markup(panel.svg.replace(/^\s*<svg/, `<svg x="${x}" y="${top}"`));
    return html`${isNamed ? heading(panel.title, x, EDGE + TITLE + 12, 14) : ''}${inner}`;
  });
  const below = top + high + (rows.rows > 0 ? 16 : 0);
  return sheet(width, below + rows.rows * KEY + EDGE, [
    heading(title, EDGE, EDGE + 13, 16),
    ...body,
    html`<g transform="translate(${EDGE} ${below})">${rows.body}</g>`,
  ]);
}
